//! The functions on collections: `Fn::Cidr`, `Fn::GetAZs`, `Fn::Length` and `Fn::ToJsonString`.

use super::{Call, Evaluator, Value};
use crate::eval::terraform::functions;
use crate::eval::{Unknown, ValueKind};
use crate::finding::ProblemCode;
use crate::source::Text;

/// Addresses are 32 bits long in version 4 and 128 in version 6.
const ADDRESS_BITS: [f64; 2] = [32.0, 128.0];

/// The most blocks that `Fn::Cidr` makes.
const MOST_BLOCKS: f64 = 256.0;

/// To compute and write a block costs more than to evaluate a node.
const STEPS_PER_BLOCK: usize = 8;

impl<'a> Evaluator<'a> {
    /// How many elements a list has; an element need not be known.
    pub(super) fn call_length(&mut self, call: Call<'a>) -> Value {
        let list = self.argument(call);
        list.for_each_alternative(self.inputs.limits.alternatives, |list| match list.as_list() {
            #[expect(clippy::cast_precision_loss, reason = "lists are limited to far fewer elements")]
            Some(items) => Value::number(items.len() as f64, call.span),
            None => self.wrong_arguments(call, "a list"),
        })
    }

    /// The value as JSON, with holes for what is not known.
    pub(super) fn call_to_json_string(&mut self, call: Call<'a>) -> Value {
        let value = self.argument(call);
        if self.deployment.is_memory_spent() {
            return Value::unknown(Unknown::Limit("text".into()), call.span);
        }
        match functions::call("jsonencode", std::slice::from_ref(&value), call.span, self.inputs.limits) {
            Some(Ok(value)) => {
                let text = value.to_text().unwrap_or_default();
                let is_allowed = self.spend_bytes(text.len(), call.span)
                    && self.spend_parts(text.pieces().len(), call.span)
                    && self.spend_memory(&text, call.span);
                if is_allowed { value } else { Value::unknown(Unknown::Limit("text".into()), call.span) }
            }
            Some(Err(refusal)) => self.fault(refusal.code, call.span, refusal.message),
            None => Value::unknown(Unknown::NotEvaluated(call.full_name().into()), call.span),
        }
    }

    /// Blocks of addresses, one after the other, each with so many bits for hosts.
    pub(super) fn call_cidr(&mut self, call: Call<'a>) -> Value {
        let (block, count, bits) = match call.items() {
            Some([block, count]) => (self.value(block), self.value(count), None),
            Some([block, count, bits]) => (self.value(block), self.value(count), Some(self.value(bits))),
            _ => return self.wrong_arguments(call, "a block of addresses, a count and the bits for hosts"),
        };
        for argument in [Some(&block), Some(&count), bits.as_ref()].into_iter().flatten() {
            if let ValueKind::Unknown(why) = &argument.kind {
                return Value::unknown(why.clone(), call.span);
            }
            if matches!(argument.kind, ValueKind::OneOf(_)) {
                return Value::unknown(Unknown::NotEvaluated("Fn::Cidr".into()), call.span);
            }
        }
        let wrong = "a block of addresses, a count up to 256 and the bits for hosts";
        let Some(text) = block.as_str() else { return self.wrong_arguments(call, wrong) };
        let (version, default_bits) = if text.contains(':') { (1, 64.0) } else { (0, 8.0) };
        let host_bits = bits.as_ref().map_or(Some(default_bits), Value::as_number);
        let length = text.split_once('/').and_then(|(_, length)| length.parse::<f64>().ok());
        let (Some(count), Some(host_bits), Some(length)) = (count.as_number(), host_bits, length) else {
            return self.wrong_arguments(call, wrong);
        };
        if !(1.0..=MOST_BLOCKS).contains(&count) {
            return self.wrong_arguments(call, wrong);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and 256")]
        let blocks_made = count as usize;
        if !self.spend_values(blocks_made, call.span) || !self.spend_parts(blocks_made * STEPS_PER_BLOCK, call.span) {
            return Value::unknown(Unknown::Limit("steps".into()), call.span);
        }
        let more = ADDRESS_BITS.get(version).copied().unwrap_or_default() - host_bits - length;
        let mut blocks = Vec::new();
        let mut number = 0.0;
        while number < count {
            let arguments = [block.clone(), Value::number(more, call.span), Value::number(number, call.span)];
            match functions::call("cidrsubnet", &arguments, call.span, self.inputs.limits) {
                Some(Ok(value)) => blocks.push(value),
                Some(Err(refusal)) => return self.fault(refusal.code, call.span, refusal.message),
                None => return Value::unknown(Unknown::NotEvaluated(call.full_name().into()), call.span),
            }
            number += 1.0;
        }
        Value::list(blocks, call.span)
    }

    /// The zones of a Region, which the account decides.
    pub(super) fn call_get_zones(&mut self, call: Call<'a>) -> Value {
        let region = self.argument(call);
        match &region.kind {
            ValueKind::List(_) | ValueKind::Map(_) => self.wrong_arguments(call, "the name of a Region"),
            _ => Value::unknown(Unknown::RunTime("Fn::GetAZs".into()), call.span),
        }
    }

    /// The value with what is only looked up when the stack is deployed as parts that are not known: what stands in
    /// `{{resolve:…}}`.
    pub(super) fn without_dynamic_references(&mut self, value: Value) -> Value {
        const START: &str = "{{resolve:";
        const END: &str = "}}";
        let ValueKind::String(text) = &value.kind else { return value };
        if !text.as_str().contains(START) {
            return value;
        }
        let mut kept = Text::new();
        let mut from = 0;
        while let Some(start) = text.as_str().get(from..).and_then(|rest| rest.find(START)).map(|at| from + at) {
            let Some(end) = text.as_str().get(start..).and_then(|rest| rest.find(END)).map(|at| start + at + END.len())
            else {
                break;
            };
            let written = text.slice(start..end);
            let span = text.span_of(start..end).unwrap_or(value.origin.span);
            let name = written.known().unwrap_or("{{resolve:…}}").to_owned();
            let why = Unknown::NotEvaluated(name.into());
            if start == 0 && end == text.len() {
                return Value { kind: ValueKind::Unknown(why), origin: value.origin };
            }
            if !self.spend(1, span) || !self.spend_bytes(end - from, span) {
                self.warn(ProblemCode::Limit, span, "this text has too many dynamic references to be read");
                return Value::unknown(Unknown::Limit("steps".into()), span);
            }
            kept.push_text(&text.slice(from..start));
            kept.push_text(&Text::hole(span, why.to_string()));
            from = end;
        }
        if from == 0 {
            return value;
        }
        kept.push_text(&text.slice(from..text.len()));
        if !self.spend_memory(&kept, value.origin.span) {
            return Value::unknown(Unknown::Limit("text".into()), value.origin.span);
        }
        Value { kind: ValueKind::String(kept), origin: value.origin }
    }
}

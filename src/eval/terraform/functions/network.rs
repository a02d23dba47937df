//! Functions on address ranges in CIDR notation.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Parameter::{Number, Text};
use super::{Call, Function, Outcome, Refusal};
use crate::eval::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("cidrhost", &[Text, Number], host),
    Function::new("cidrnetmask", &[Text], netmask),
    Function::new("cidrsubnet", &[Text, Number, Number], subnet),
    Function::with_rest("cidrsubnets", &[Text], Number, subnets),
];

/// A range of addresses: the first one as a number, and how many leading bits all of them share.
#[derive(Clone, Copy)]
struct Prefix {
    address: u128,
    length: u32,
    /// How long an address is, in bits: 32 or 128.
    width: u32,
}

impl Prefix {
    fn parse(written: &str) -> Result<Self, Refusal> {
        let error = || format!("`{written}` is not an address range in CIDR notation, such as `10.0.0.0/8`");
        let (address, length) = written.split_once('/').ok_or_else(error)?;
        let (address, width) = match address.parse().map_err(|_| error())? {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let length: u32 = length.parse().map_err(|_| error())?;
        if length > width {
            return Err(error().into());
        }
        let host = low_bits(width - length);
        Ok(Self { address: address & !host, length, width })
    }

    fn address_text(self, address: u128) -> String {
        match u32::try_from(address) {
            Ok(address) if self.width == 32 => Ipv4Addr::from_bits(address).to_string(),
            _ => Ipv6Addr::from_bits(address).to_string(),
        }
    }

    fn text(self) -> String {
        format!("{}/{}", self.address_text(self.address), self.length)
    }
}

/// A number whose `count` lowest bits are set.
fn low_bits(count: u32) -> u128 {
    1_u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
}

/// Runs `made` with the range in the first argument, when that is known.
fn with_prefix(call: &Call<'_>, made: impl FnOnce(Prefix) -> Outcome) -> Outcome {
    match call.known(0)? {
        Ok(written) => made(Prefix::parse(written)?),
        Err(why) => Ok(call.unknown(why)),
    }
}

fn host(call: &Call<'_>) -> Outcome {
    with_prefix(call, |prefix| {
        let number = call.integer(1)?;
        let highest = low_bits(prefix.width - prefix.length);
        let distance = u128::from(number.unsigned_abs());
        // A negative number counts from the end, -1 being the last address.
        let offset = if number < 0 { (highest).checked_sub(distance - 1) } else { Some(distance) };
        let offset = offset
            .filter(|offset| *offset <= highest)
            .ok_or_else(|| format!("`{}` has no address number {number}", prefix.text()))?;
        Ok(call.encoded(prefix.address_text(prefix.address | offset)))
    })
}

fn netmask(call: &Call<'_>) -> Outcome {
    with_prefix(call, |prefix| {
        if prefix.width != 32 {
            return Err("only IPv4 ranges have a netmask".into());
        }
        Ok(call.encoded(prefix.address_text(low_bits(32) & !low_bits(32 - prefix.length))))
    })
}

fn subnet(call: &Call<'_>) -> Outcome {
    with_prefix(call, |prefix| {
        let (more, number) = (call.integer(1)?, call.integer(2)?);
        let length = u32::try_from(more).ok().and_then(|more| more.checked_add(prefix.length));
        let length = length
            .filter(|length| *length <= prefix.width)
            .ok_or_else(|| format!("`{}` cannot be extended by {more} bits", prefix.text()))?;
        let number = u128::try_from(number)
            .ok()
            .filter(|number| *number <= low_bits(length - prefix.length))
            .ok_or_else(|| format!("{more} more bits do not give `{}` a network number {number}", prefix.text()))?;
        let shifted = number.checked_shl(prefix.width - length).unwrap_or(0);
        Ok(call.encoded(Prefix { address: prefix.address | shifted, length, ..prefix }.text()))
    })
}

fn subnets(call: &Call<'_>) -> Outcome {
    with_prefix(call, |prefix| {
        let end = prefix.address | low_bits(prefix.width - prefix.length);
        let mut next = Some(prefix.address);
        let mut made: Vec<Value> = Vec::new();
        for index in 1..call.arguments.len() {
            let more = call.integer(index)?;
            let length =
                u32::try_from(more).ok().filter(|more| *more > 0).and_then(|more| more.checked_add(prefix.length));
            let length = length
                .filter(|length| *length <= prefix.width)
                .ok_or_else(|| format!("`{}` cannot be extended by {more} bits", prefix.text()))?;
            let hosts = low_bits(prefix.width - length);
            // A network begins at a multiple of its size.
            let start = next.and_then(|next| next.checked_add(hosts)).map(|next| next & !hosts);
            let start = start
                .filter(|start| *start <= end)
                .ok_or_else(|| format!("`{}` has no room for network {index}", prefix.text()))?;
            next = (start | hosts).checked_add(1);
            made.push(call.encoded(Prefix { address: start, length, ..prefix }.text()));
        }
        Ok(call.list(made))
    })
}

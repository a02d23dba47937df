//! Addresses as the tools accept them, and the blocks of addresses that rules and routes name.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::Family;

/// An address of either family as a number: an IPv4 address in the lowest 32 bits.
pub(super) type Address = u128;

/// The metadata service's address.
pub(super) fn service(family: Family) -> Address {
    match family {
        Family::V4 => v4(169, 254, 169, 254),
        Family::V6 => Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254).to_bits(),
    }
}

pub(super) fn v4(a: u8, b: u8, c: u8, d: u8) -> Address {
    Ipv4Addr::new(a, b, c, d).to_bits().into()
}

/// The addresses that agree with one in the bits of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    family: Family,
    bits: Address,
    mask: Address,
}

impl Block {
    /// The block of the first `length` bits of `address`.
    pub(super) fn new(family: Family, address: Address, length: u32) -> Self {
        Self::masked(family, address, prefix_mask(family, length))
    }

    fn masked(family: Family, address: Address, mask: Address) -> Self {
        Self { family, bits: address & mask, mask }
    }

    /// The block of one address.
    pub(super) fn host(family: Family, address: Address) -> Self {
        Self::new(family, address, width(family))
    }

    /// The block of all addresses.
    pub(super) fn all(family: Family) -> Self {
        Self::new(family, 0, 0)
    }

    pub(super) fn contains(self, address: Address) -> bool {
        address & self.mask == self.bits
    }

    pub(super) fn is_all(self) -> bool {
        self.mask == 0
    }

    /// The number of bits that are compared: the prefix length of an ordinary block.
    pub(super) fn length(self) -> u32 {
        self.mask.count_ones()
    }

    /// Whether an address can lie in both blocks.
    pub(super) fn meets(self, other: Self) -> bool {
        let common = self.mask & other.mask;
        self.bits & common == other.bits & common
    }

    /// The block that packet filters understand by `text`: an address with a prefix length or mask, or short of parts.
    ///
    /// `None` when it is not numeric.
    pub(super) fn parse(family: Family, text: &str) -> Option<Self> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let mask = match mask {
            None => prefix_mask(family, width(family)),
            Some(mask) => parse_mask(family, mask)?,
        };
        // A short address with a mask is a network with its last parts left out.
        let address = match family {
            Family::V4 if text.contains('/') => parse_padded(address).or_else(|| parse_v4(address))?,
            Family::V4 => parse_v4(address)?,
            Family::V6 => address.parse::<Ipv6Addr>().ok()?.to_bits(),
        };
        Some(Self::masked(family, address, mask))
    }

    /// The block that route tools understand by `text`, and whether bits beyond its length are set.
    pub(super) fn parse_route(family: Family, text: &str) -> Option<(Self, bool)> {
        if matches!(text, "default" | "any" | "all") {
            return Some((Self::all(family), false));
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address = match family {
            Family::V4 if address == "default" => 0,
            Family::V4 => parse_padded(address)?,
            Family::V6 => address.parse::<Ipv6Addr>().ok()?.to_bits(),
        };
        let mask = match length {
            None => prefix_mask(family, width(family)),
            Some(length) => parse_mask(family, length)?,
        };
        Some((Self::masked(family, address, mask), address & !mask & all_bits(family) != 0))
    }
}

/// The number of bits of an address.
fn width(family: Family) -> u32 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

fn all_bits(family: Family) -> Address {
    Address::MAX.checked_shr(128 - width(family)).unwrap_or(0)
}

fn prefix_mask(family: Family, length: u32) -> Address {
    let hosts = width(family).saturating_sub(length);
    all_bits(family) & Address::MAX.checked_shl(hosts).unwrap_or(0)
}

/// A prefix length, or a mask written as an address.
fn parse_mask(family: Family, text: &str) -> Option<Address> {
    if let Ok(length) = text.parse::<u32>() {
        return (length <= width(family)).then(|| prefix_mask(family, length));
    }
    match family {
        Family::V4 => text.parse::<Ipv4Addr>().ok().map(|mask| mask.to_bits().into()),
        Family::V6 => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
    }
}

/// Up to four decimal bytes, the missing ones zero: `169.254` is `169.254.0.0`.
fn parse_padded(text: &str) -> Option<Address> {
    let mut bytes = [0; 4];
    for (index, part) in text.split('.').enumerate() {
        *bytes.get_mut(index)? = part.parse::<u8>().ok()?;
    }
    Some(Ipv4Addr::from(bytes).to_bits().into())
}

/// An address as the C library reads it: up to four numbers, decimal, octal or hexadecimal, the last one fills the rest.
pub(super) fn parse_v4(text: &str) -> Option<Address> {
    let numbers = text.split('.').map(parse_number).collect::<Option<Vec<u64>>>()?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|number| *number > 255) {
        return None;
    }
    let rest = 32 - 8 * u32::try_from(leading.len()).ok()?;
    if *last >= 1 << rest {
        return None;
    }
    let leading = leading.iter().enumerate().fold(0, |sum, (index, number)| sum | number << (24 - 8 * index));
    Some((leading | last).into())
}

fn parse_number(text: &str) -> Option<u64> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// A single address in the family's usual form.
pub(super) fn parse_address(family: Family, text: &str) -> Option<Address> {
    match family {
        Family::V4 => parse_v4(text),
        Family::V6 => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
    }
}

/// The address as people write it.
pub(super) fn display(family: Family, address: Address) -> String {
    match family {
        Family::V4 => {
            u32::try_from(address).map_or_else(|_| String::new(), |bits| Ipv4Addr::from_bits(bits).to_string())
        }
        Family::V6 => Ipv6Addr::from_bits(address).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_the_service_are_read() {
        for text in ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.254.169.254", "169.254.43518"] {
            assert_eq!(parse_v4(text), Some(service(Family::V4)), "{text}");
        }
        for text in ["169.254.169", "169.254.169.256", "1.2.3.4.5", "", "a.b", "imds", "-j"] {
            assert_ne!(parse_v4(text), Some(service(Family::V4)), "{text}");
        }
    }

    #[test]
    fn blocks_have_lengths_or_masks_and_may_be_short() {
        for text in ["169.254/16", "169.254.169.1/255.255.255.0", "0.0.0.0/0", "128.0.0.0/1", "169.254.169.254/32"] {
            assert!(Block::parse(Family::V4, text).unwrap().contains(service(Family::V4)), "{text}");
        }
        assert!(!Block::parse(Family::V4, "169.254.169.255").unwrap().contains(service(Family::V4)));
        assert!(Block::parse(Family::V6, "fd00:EC2::/32").unwrap().contains(service(Family::V6)));
        assert_eq!(Block::parse(Family::V4, "10.0.0.0/33"), None);
        assert_eq!(Block::parse(Family::V4, "fd00:ec2::254"), None);
        assert_eq!(Block::parse(Family::V6, "::/0").map(Block::is_all), Some(true));
    }

    #[test]
    fn routes_do_not_take_bits_beyond_their_length() {
        assert_eq!(Block::parse_route(Family::V4, "169.254.169.254/16").map(|(_, beyond)| beyond), Some(true));
        assert_eq!(Block::parse_route(Family::V4, "169.254/16").map(|(_, beyond)| beyond), Some(false));
        assert_eq!(Block::parse_route(Family::V4, "default"), Some((Block::all(Family::V4), false)));
    }
}

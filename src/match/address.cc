#include "match/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text.h"

namespace policymux {

namespace {

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

template <class... Args>
Unexpected<std::string> wrong(fmt::format_string<Args...> text, Args&&... args) {
  return {fmt::format(text, std::forward<Args>(args)...)};
}

std::uint64_t load_big_endian(const unsigned char* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

void store_big_endian(std::uint64_t value, unsigned char* bytes) {
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[i] = static_cast<unsigned char>(value);
}

bool is_mapped(const Address& a) {
  return a.high == 0 && a.low >> 32 == 0xffff;
}

Address v4(std::uint64_t number) {
  return {.low = number & 0xffffffff};
}

#ifdef __SSE2__
constexpr std::size_t shortest_quad = 7, longest_quad = 15;  // "0.0.0.0", "255.255.255.255"

// The characters of a text as long as a dotted quad, then NULs. Two words that overlap: no loop, no store.
__m128i load_quad(std::string_view text) {
  const auto* const p = text.data();
  const auto size = text.size();
  const auto load = []<class Word>(Word word, const char* at) {
    std::memcpy(&word, at, sizeof word);
    return std::uint64_t{word};
  };
  if (size < 8) {
    const auto head = load(std::uint32_t{}, p), tail = load(std::uint32_t{}, p + size - 4);
    return _mm_cvtsi64_si128(static_cast<std::int64_t>(head | tail >> 8 * (8 - size) << 32));
  }
  const auto head = load(std::uint64_t{}, p), tail = load(std::uint64_t{}, p + size - 8);
  const auto rest = size == 8 ? 0 : tail >> 8 * (16 - size);
  return _mm_set_epi64x(static_cast<std::int64_t>(rest), static_cast<std::int64_t>(head));
}

// Without a branch that depends on where the dots are, which cannot be predicted.
std::optional<std::uint32_t> parse_dotted_quad(std::string_view text) {
  constexpr std::size_t most_digits = 3;
  if (text.size() < shortest_quad || text.size() > longest_quad) return std::nullopt;
  const auto bytes = load_quad(text);
  const auto numbers = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const auto where = [](__m128i found) { return static_cast<unsigned>(_mm_movemask_epi8(found)); };
  auto dots = where(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
  const auto digits = where(_mm_cmpeq_epi8(_mm_min_epu8(numbers, _mm_set1_epi8(9)), numbers));
  if ((dots | digits) != (1u << text.size()) - 1) return std::nullopt;
  dots |= 1u << text.size();  // what ends the last octet

  std::array<unsigned char, most_digits + sizeof bytes> values{};  // of the digits, behind zeros
  std::memcpy(values.data() + most_digits, &numbers, sizeof numbers);
  std::uint32_t address = 0;
  bool wrong = false;
  std::size_t begin = 0;
  for (int octet = 0; octet < 4; ++octet, dots &= dots - 1) {
    wrong |= dots == 0;
    const auto end = static_cast<std::size_t>(std::countr_zero(dots | 1u << longest_quad));
    const auto length = end - begin;
    const auto* const last = values.data() + most_digits + end - 1;
    const auto number = last[0] + (length > 1) * 10u * last[-1] + (length > 2) * 100u * last[-2];
    const auto least = (length > 1) * 10u + (length > 2) * 90u;  // no leading zeros
    wrong |= length - 1 >= most_digits || number > 255 || number < least;
    address = address << 8 | number;
    begin = end + 1;
  }
  if (wrong || dots != 0) return std::nullopt;
  return address;
}
#else
std::optional<std::uint32_t> parse_dotted_quad(std::string_view text) {
  in_addr ip{};
  if (inet_pton(AF_INET, std::string{text}.c_str(), &ip) != 1 || text.find('\0') != text.npos) return std::nullopt;
  return ntohl(ip.s_addr);
}
#endif

// The bits of an address that a prefix of `length` bits leaves to the hosts.
Address host_mask(unsigned length, bool v6) {
  if (!v6) return v4(0xffffffffull >> length);
  const auto ones = [](unsigned bits) { return bits == 0 ? 0 : all_ones >> (64 - bits); };
  const unsigned bits = 128 - length;
  return {.high = ones(bits > 64 ? bits - 64 : 0), .low = ones(std::min(bits, 64u)), .v6 = true};
}

// The smallest prefix length of which `range` is a whole network, or nothing.
std::optional<unsigned> prefix_length(const AddressRange& range) {
  const auto high = range.first.high ^ range.last.high, low = range.first.low ^ range.last.low;
  const auto bits = static_cast<unsigned>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(low));
  const unsigned length = (range.first.v6 ? 128 : 32) - bits;
  const auto hosts = host_mask(length, range.first.v6);
  if (high != hosts.high || low != hosts.low) return std::nullopt;
  if ((range.first.high & hosts.high) != 0 || (range.first.low & hosts.low) != 0) return std::nullopt;
  return length;
}

// "24", or "255.255.255.0" for IPv4. A length written for a mapped address counts from its 96th bit.
Result<unsigned, std::string> parse_length(std::string_view text, std::string_view address_text, bool v6) {
  const bool mapped = !v6 && address_text.find(':') != address_text.npos;
  if (const auto length = parse_number(text)) {
    const unsigned most = v6 || mapped ? 128 : 32;
    if (*length > most) return wrong("a prefix length is at most {}, not '{}'", most, text);
    const auto bits = static_cast<unsigned>(*length);
    if (!mapped) return bits;
    if (bits < 96)
      return wrong("'{}' is an IPv4 address: its prefix length is at least 96, not '{}'", address_text, text);
    return bits - 96;
  }
  const auto mask = parse_address(text);
  if (!mask || mask->v6) return wrong("want a prefix length or a netmask instead of '{}'", text);
  if (v6) return wrong("a netmask is for IPv4 only: '{}'", text);
  const auto bits = static_cast<std::uint32_t>(mask->low);
  if (std::countl_one(bits) + std::countr_zero(bits) < 32) return wrong("a netmask has no holes: '{}'", text);
  return static_cast<unsigned>(std::countl_one(bits));
}

Result<AddressRange, std::string> parse_network(std::string_view text, std::size_t slash) {
  const auto address_text = trim(text.substr(0, slash));
  const auto address = parse_address(address_text);
  if (!address) return wrong("'{}' is no address", address_text);
  const auto length = parse_length(trim(text.substr(slash + 1)), address_text, address->v6);
  if (!length) return Unexpected{length.error()};
  const auto hosts = host_mask(*length, address->v6);
  const Address first{address->high & ~hosts.high, address->low & ~hosts.low, address->v6};
  const Address last{address->high | hosts.high, address->low | hosts.low, address->v6};
  const AddressRange network{first, last};
  if (first != *address) return wrong("'{}' has host bits set: the network is {}", text, to_string(network));
  return network;
}

Result<AddressRange, std::string> parse_first_last(std::string_view text, std::size_t dash) {
  std::array<Address, 2> ends;
  const std::array pieces{trim(text.substr(0, dash)), trim(text.substr(dash + 1))};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto address = parse_address(pieces[i]);
    if (!address) return wrong("'{}' is no address", pieces[i]);
    ends[i] = *address;
  }
  if (ends[0].v6 != ends[1].v6) return wrong("'{}' mixes IPv4 and IPv6", text);
  if (ends[0] > ends[1]) return wrong("'{}' ends before it begins", text);
  return AddressRange{ends[0], ends[1]};
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (const auto quad = parse_dotted_quad(text)) return v4(*quad);
  if (text.find(':') == text.npos) return std::nullopt;
  constexpr std::string_view tag = "IPv6:";
  if (iequals(text.substr(0, tag.size()), tag)) text.remove_prefix(tag.size());
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.size() >= buffer.size() || text.find('\0') != text.npos) return std::nullopt;
  text.copy(buffer.data(), text.size());
  in6_addr ip{};
  if (inet_pton(AF_INET6, buffer.data(), &ip) != 1) return std::nullopt;
  const Address address{load_big_endian(ip.s6_addr), load_big_endian(ip.s6_addr + 8), true};
  return is_mapped(address) ? v4(address.low) : address;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (address.v6) {
    in6_addr ip{};
    store_big_endian(address.high, ip.s6_addr);
    store_big_endian(address.low, ip.s6_addr + 8);
    inet_ntop(AF_INET6, &ip, buffer.data(), buffer.size());
  } else {
    const in_addr ip{htonl(static_cast<std::uint32_t>(address.low))};
    inet_ntop(AF_INET, &ip, buffer.data(), buffer.size());
  }
  return buffer.data();
}

bool AddressRange::contains(const Address& address) const {
  return address.v6 == first.v6 && first <= address && address <= last;
}

Result<AddressRange, std::string> parse_address_range(std::string_view text) {
  if (const auto slash = text.find('/'); slash != text.npos) return parse_network(text, slash);
  if (const auto dash = text.find('-'); dash != text.npos) return parse_first_last(text, dash);
  const auto address = parse_address(text);
  if (!address) return wrong("'{}' is no address", text);
  return AddressRange{*address, *address};
}

std::string to_string(const AddressRange& range) {
  if (range.first == range.last) return to_string(range.first);
  if (const auto length = prefix_length(range)) return fmt::format("{}/{}", to_string(range.first), *length);
  return to_string(range.first) + "-" + to_string(range.last);
}

}  // namespace policymux

// IP addresses, ranges of them, and sets of ranges.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "match/flatten.h"
#include "match/id_list.h"

namespace policymux {

// An IPv4-mapped IPv6 address (::ffff:192.0.2.1) counts as IPv4 from the moment it is parsed.
struct Address {
  std::uint64_t high = 0;  // IPv6: the first eight bytes; IPv4: 0
  std::uint64_t low = 0;   // IPv6: the last eight bytes; IPv4: the address
  bool v6 = false;
  bool operator==(const Address&) const = default;
  // In the order of their numbers. REQUIRES: one family.
  std::strong_ordering operator<=>(const Address& other) const {
    return high != other.high ? high <=> other.high : low <=> other.low;
  }
};

// Dotted quad or RFC 4291 text, an "IPv6:" prefix allowed, no zone, no brackets; nothing else.
std::optional<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);  // RFC 5952

struct AddressRange {
  Address first, last;  // of one family, first <= last, both included
  bool contains(const Address& address) const;
  bool operator==(const AddressRange&) const = default;
};

// "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0", "192.0.2.1-192.0.2.9" and the same for IPv6
// (a netmask for IPv4 only; ::ffff:192.0.2.0/120 is 192.0.2.0/24). Blanks around '-' and '/' are allowed.
// Errors: host bits set, first > last, mixed families, a mask with holes, and whatever is no address; each
// a sentence that quotes the piece. `::/0` holds no IPv4 address.
Result<AddressRange, std::string> parse_address_range(std::string_view text);
std::string to_string(const AddressRange& range);  // an address, a CIDR where it is one, else first-last

// Which of many ranges hold an address? Immutable once built.
//   Memory  among 1,000,000 ranges at most 16 bytes each for IPv4, 20 to 40 for IPv6 (most where many /64 are
//           divided), beside what answers of several ids need (see IdSets).
//   Cost    two or three reads of memory that no cache holds, one more for IPv6 where the address's /64 is
//           divided; measured in doc/performance.md.
class AddressIndex {
 public:
  class Builder {
   public:
    void add(const AddressRange& range, std::uint32_t id);
    AddressIndex build() &&;  // O(n log n)
   private:
    std::vector<Claim<std::uint32_t>> v4_;
    std::vector<Claim<Address>> v6_;
  };

  AddressIndex();
  AddressIndex(AddressIndex&&) noexcept;
  AddressIndex& operator=(AddressIndex&&) noexcept;
  ~AddressIndex();

  // Adds the ids of all ranges that hold `address`, ascending, each once.
  void find(const Address& address, IdList& out) const;
  bool contains(const Address& address) const;  // in any range
  std::size_t memory() const;                   // bytes

 private:
  struct Data;
  explicit AddressIndex(std::unique_ptr<const Data> data);
  std::unique_ptr<const Data> data_;
};

}  // namespace policymux

#include <cassert>
#include <span>

#include "base/large_pages.h"
#include "match/address.h"
#include "match/sorted_keys.h"

namespace policymux {

namespace {

using Ref = IdSets::Ref;

// Steps in sorted order; what holds before the first one is nothing.
template <class Key>
class Steps {
 public:
  Steps() = default;
  Steps(LargeVector<Key> keys, LargeVector<Ref> refs) : keys_{std::move(keys)}, refs_{std::move(refs)} {
    refs_.shrink_to_fit();
  }

  // How many steps begin at `key` or before.
  std::size_t rank(Key key) const {
    return keys_.rank(key, [this](std::size_t i) { __builtin_prefetch(refs_.data() + i); });
  }
  Key key(std::size_t i) const { return keys_[i]; }
  Ref ref(std::size_t i) const { return refs_[i]; }
  Ref last() const { return refs_.back(); }
  Ref at(Key key) const {
    const auto n = rank(key);
    return n == 0 ? IdSets::empty : refs_[n - 1];
  }
  std::size_t memory() const { return keys_.memory() + refs_.capacity() * sizeof(Ref); }

 private:
  SortedKeys<Key> keys_;
  LargeVector<Ref> refs_;
};

// How many of `size` ascending numbers are at most `limit`. Without branches: they would be guessed wrong
// half of the time.
std::size_t count_at_most(const std::uint16_t* numbers, std::size_t size, std::uint32_t limit) {
  const auto* from = numbers;
  while (size > 1) {
    const auto half = size / 2;
    from += from[half - 1] <= limit ? half : 0;
    size -= half;
  }
  return static_cast<std::size_t>(from - numbers) + (size == 1 && *from <= limit ? 1 : 0);
}

// IPv4. Many steps are filed under the upper half of their address, so that each needs only the lower half.
class V4 {
 public:
  V4() = default;
  explicit V4(const std::vector<Step<std::uint32_t>>& steps) {
    if (steps.size() < directory_pays) {
      LargeVector<std::uint32_t> keys;
      LargeVector<Ref> refs;
      for (const auto& step : steps) keys.push_back(step.from), refs.push_back(step.ids);
      few_ = {std::move(keys), std::move(refs)};
      return;
    }
    directory_.assign((1u << 16) + 1, 0);
    low_.reserve(steps.size());
    refs_.reserve(steps.size());
    for (const auto& step : steps) {
      ++directory_[(step.from >> 16) + 1];
      low_.push_back(static_cast<std::uint16_t>(step.from));
      refs_.push_back(step.ids);
    }
    for (std::size_t i = 1; i < directory_.size(); ++i) directory_[i] += directory_[i - 1];
  }

  Ref at(std::uint32_t address) const {
    if (directory_.empty()) return few_.at(address);
    const auto* entry = &directory_[address >> 16];
    const std::uint32_t low = address & 0xffff;
    const std::size_t begin = entry[0], size = entry[1] - begin;
    __builtin_prefetch(refs_.data() + begin + (size * low >> 16));  // where it would be if they were evenly spread
    // The last step of the address's own half, or else of an earlier one.
    const auto n = begin + count_at_most(low_.data() + begin, size, low);
    return n == 0 ? IdSets::empty : refs_[n - 1];
  }

  std::size_t memory() const {
    return few_.memory() + directory_.capacity() * sizeof(std::uint32_t) + low_.capacity() * sizeof(std::uint16_t) +
           refs_.capacity() * sizeof(Ref);
  }

 private:
  static constexpr std::size_t directory_pays = 1u << 16;  // steps; the directory takes 256 KiB
  Steps<std::uint32_t> few_;
  LargeVector<std::uint32_t> directory_;  // by upper half: where its steps begin
  LargeVector<std::uint16_t> low_;
  LargeVector<Ref> refs_;
};

// IPv6. Most steps of real sets begin where a /64 begins: 12 bytes each. A /64 in which one address stands out has 16
// bytes more; one that is divided in another way has a run of steps over the lower half, and a long run a directory.
class V6 {
 public:
  V6() = default;
  explicit V6(const std::vector<Step<Address>>& steps) {
    LargeVector<std::uint64_t> keys;
    LargeVector<Ref> refs;
    auto before = IdSets::empty;
    for (std::size_t begin = 0, end = 0; begin < steps.size(); begin = end) {
      while (end < steps.size() && steps[end].from.high == steps[begin].from.high) ++end;
      keys.push_back(steps[begin].from.high);
      refs.push_back(add({&steps[begin], end - begin}, std::exchange(before, steps[end - 1].ids)));
    }
    networks_ = {std::move(keys), std::move(refs)};
    hosts_.shrink_to_fit();
    low_.shrink_to_fit();
    refs_.shrink_to_fit();
    long_.shrink_to_fit();
  }

  Ref at(const Address& address) const {
    const auto n = networks_.rank(address.high);
    if (n == 0) return IdSets::empty;
    const auto ref = networks_.ref(n - 1);
    if ((ref & divided_bit) == 0) return ref;
    const bool behind = networks_.key(n - 1) != address.high;
    if (kind(ref) == host) {
      const auto& [low, ids, otherwise] = hosts_[ref & index_mask];
      return low == address.low && !behind ? ids : otherwise;
    }
    if (behind) return last(ref);
    if (const auto found = within(ref, address.low)) return *found;
    return n == 1 ? IdSets::empty : last(networks_.ref(n - 2));
  }

  std::size_t memory() const {
    auto sum = networks_.memory() + hosts_.capacity() * sizeof(Host) + low_.capacity() * sizeof(std::uint64_t) +
               refs_.capacity() * sizeof(Ref) + long_.capacity() * sizeof(Steps<std::uint64_t>);
    for (const auto& run : long_) sum += run.memory();
    return sum;
  }

 private:
  // In networks_: the /64 is divided. The kind says in which array the index is one: hosts_, low_ and refs_, long_.
  static constexpr Ref divided_bit = IdSets::reference_limit;
  static constexpr unsigned index_bits = 29;
  static constexpr Ref index_mask = (1u << index_bits) - 1;
  static constexpr Ref host = divided_bit, short_run = divided_bit | 1u << index_bits,
                       long_run = divided_bit | 2u << index_bits;
  static constexpr Ref end_bit = IdSets::reference_limit;  // in refs_: the last step of its run
  static constexpr std::size_t longest_short_run = 32;

  // One address; all others of its /64, and what follows it, have what was there before.
  struct Host {
    std::uint64_t low;
    Ref ids, otherwise;
  };

  static Ref kind(Ref ref) { return ref & ~index_mask; }
  static Ref divided(Ref kind, std::size_t index) {
    assert(index <= index_mask);
    return kind | static_cast<Ref>(index);
  }

  Ref add(std::span<const Step<Address>> run, Ref before) {
    if (run.size() == 1 && run[0].from.low == 0) return run[0].ids;
    if (run.size() == 2 && run[1].from.low - run[0].from.low == 1 && run[1].ids == before) {
      hosts_.push_back({run[0].from.low, run[0].ids, before});
      return divided(host, hosts_.size() - 1);
    }
    if (run.size() <= longest_short_run) {
      const auto at = low_.size();
      for (const auto& step : run) low_.push_back(step.from.low), refs_.push_back(step.ids);
      refs_.back() |= end_bit;
      return divided(short_run, at);
    }
    LargeVector<std::uint64_t> keys;
    LargeVector<Ref> refs;
    for (const auto& step : run) keys.push_back(step.from.low), refs.push_back(step.ids);
    long_.emplace_back(std::move(keys), std::move(refs));
    return divided(long_run, long_.size() - 1);
  }

  // What holds at the end of an entry of networks_, and after it.
  Ref last(Ref ref) const {
    if ((ref & divided_bit) == 0) return ref;
    auto at = ref & index_mask;
    if (kind(ref) == host) return hosts_[at].otherwise;
    if (kind(ref) == long_run) return long_[at].last();
    while ((refs_[at] & end_bit) == 0) ++at;
    return refs_[at] & ~end_bit;
  }

  // Nothing: the run begins behind `low`. REQUIRES: there is a run.
  std::optional<Ref> within(Ref run, std::uint64_t low) const {
    auto at = run & index_mask;
    if (kind(run) == long_run) {
      const auto n = long_[at].rank(low);
      return n == 0 ? std::nullopt : std::optional{long_[at].ref(n - 1)};
    }
    if (low_[at] > low) return std::nullopt;
    while ((refs_[at] & end_bit) == 0 && low_[at + 1] <= low) ++at;
    return refs_[at] & ~end_bit;
  }

  Steps<std::uint64_t> networks_;  // by upper half; its refs are sets or divided
  LargeVector<Host> hosts_;
  LargeVector<std::uint64_t> low_;
  LargeVector<Ref> refs_;
  std::vector<Steps<std::uint64_t>> long_;
};

std::optional<std::uint32_t> after_v4(std::uint32_t address) {
  return address == ~std::uint32_t{0} ? std::nullopt : std::optional{address + 1};
}

std::optional<Address> after_v6(Address address) {
  if (++address.low == 0 && ++address.high == 0) return std::nullopt;
  return address;
}

}  // namespace

struct AddressIndex::Data {
  IdSets sets;
  V4 v4;
  V6 v6;
  Ref at(const Address& address) const {
    return address.v6 ? v6.at(address) : v4.at(static_cast<std::uint32_t>(address.low));
  }
};

void AddressIndex::Builder::add(const AddressRange& range, std::uint32_t id) {
  assert(range.first.v6 == range.last.v6 && range.first <= range.last && id < id_limit);
  if (range.first.v6) {
    v6_.push_back({range.first, range.last, id});
  } else {
    v4_.push_back({static_cast<std::uint32_t>(range.first.low), static_cast<std::uint32_t>(range.last.low), id});
  }
}

AddressIndex AddressIndex::Builder::build() && {
  auto data = std::make_unique<Data>();
  data->v4 = V4{flatten(std::exchange(v4_, {}), data->sets, after_v4)};
  data->v6 = V6{flatten(std::exchange(v6_, {}), data->sets, after_v6)};
  data->sets.seal();
  return AddressIndex{std::move(data)};
}

AddressIndex::AddressIndex() : data_{std::make_unique<const Data>()} {}
AddressIndex::AddressIndex(std::unique_ptr<const Data> data) : data_{std::move(data)} {}
AddressIndex::AddressIndex(AddressIndex&&) noexcept = default;
AddressIndex& AddressIndex::operator=(AddressIndex&&) noexcept = default;
AddressIndex::~AddressIndex() = default;

void AddressIndex::find(const Address& address, IdList& out) const {
  data_->sets.append(data_->at(address), out);
}
bool AddressIndex::contains(const Address& address) const {
  return data_->at(address) != IdSets::empty;
}
std::size_t AddressIndex::memory() const {
  return sizeof(Data) + data_->sets.memory() + data_->v4.memory() + data_->v6.memory();
}

}  // namespace policymux

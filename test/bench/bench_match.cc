// Nanoseconds and bytes of the indexes of src/match, against the budgets of the design; and what the worst patterns
// cost. Two tables in Markdown.
//   bench-match [ranges] [keys] [patterns]     defaults: 1,000,000 10,000,000 10,000
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/large_pages.h"
#include "match/address.h"
#include "match/regex.h"
#include "match/text_index.h"

using namespace policymux;

namespace {

using Random = std::mt19937_64;
using Clock = std::chrono::steady_clock;

constexpr std::size_t lookups = 250'000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t bytes_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd + large_bytes();
}

// Of this process.
std::size_t resident_bytes() {
  std::size_t size = 0, resident = 0;
  std::ifstream{"/proc/self/statm"} >> size >> resident;
  return resident * 4096;
}

// A call, as from another room: put into the loop, a look-up would share its registers, which takes up to 10 ns more as
// the program happens to be put together.
template <class Value, class Ask>
[[gnu::noinline]] void call(Ask& ask, const Value& value) {
  ask(value);
}

// Asks about all of `values` three times, in batches of 1,000: what a look-up of the median batch took. (Other
// work on the machine disturbs some batches, not the median.) A batch is copied first: what the daemon looks up
// has just been read from a socket, and is in the processor's cache.
template <class Value, class Ask>
double nanoseconds(const std::vector<Value>& values, Ask ask) {
  constexpr std::size_t batch = 1000;
  std::vector<double> times;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t begin = 0; begin + batch <= values.size(); begin += batch) {
      const auto at = values.begin() + static_cast<std::ptrdiff_t>(begin);
      const std::vector<Value> asked(at, at + batch);
      const auto start = Clock::now();
      for (const auto& value : asked) call(ask, value);
      times.push_back(seconds_since(start) * 1e9 / batch);
    }
  }
  const auto median = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), median, times.end());
  return *median;
}

void report(std::string_view what, std::size_t n, double build, double bytes, double budget_bytes, double ns,
            double budget_ns) {
  fmt::print("| {} | {} | {:.2f} s | {:.1f} (at most {:.0f}) | {:.1f} (at most {:.0f}) |\n", what, n, build,
             bytes / static_cast<double>(n), budget_bytes, ns, budget_ns);
}

// --- addresses ---------------------------------------------------------------------------------------------

AddressRange network(Address address, unsigned length) {
  const unsigned bits = (address.v6 ? 128 : 32) - length;
  const auto ones = [](unsigned n) { return n == 0 ? 0 : ~std::uint64_t{0} >> (64 - n); };
  const auto high = ones(bits > 64 ? bits - 64 : 0), low = ones(std::min(bits, 64u));
  return {{address.high & ~high, address.low & ~low, address.v6}, {address.high | high, address.low | low, address.v6}};
}

// Where addresses come from.
Address anywhere_v4(Random& random) { return {.low = random() & 0xffffffff}; }
Address anywhere_v6(Random& random) { return {0x2000000000000000 | random() >> 3, random(), true}; }
Address in_one_site(Random& random) { return {0x20010db800000000 | (random() & 0xffffffff), random(), true}; }
// In a thousand sites, the n-th largest with about one n-th of the largest one's addresses.
Address in_many_sites(Random& random) {
  const auto site = random() % (std::uint64_t{1} << random() % 11);
  return {0x2000000000000000 | site * 0x9e3779b97f4a7c15 >> 35 << 32 | (random() & 0xffffffff), random(), true};
}

void bench_addresses(std::string_view what, std::size_t n, Address (*draw)(Random&), unsigned shortest,
                     unsigned longest, bool unique_ids) {
  Random random{1};
  std::vector<Address> inside;
  const auto any = [&] { return draw(random); };
  const bool v6 = any().v6;
  AddressIndex::Builder builder;
  for (std::size_t i = 0; i < n; ++i) {
    const auto range = network(any(), shortest + static_cast<unsigned>(random() % (longest - shortest + 1)));
    builder.add(range, unique_ids ? static_cast<std::uint32_t>(i) : static_cast<std::uint32_t>(random() % 16));
    inside.push_back(range.last);
  }
  const auto start = Clock::now();
  const auto index = std::move(builder).build();
  const auto build = seconds_since(start);
  std::vector<Address> values;
  for (std::size_t i = 0; i < lookups; ++i) values.push_back(i % 2 == 0 ? any() : inside[random() % n]);
  IdList out;
  const auto ns = nanoseconds(values, [&](const Address& address) {
    out.clear();
    index.find(address, out);
  });
  report(what, n, build, static_cast<double>(index.memory()), v6 ? 40 : 16, ns, v6 ? 120 : 40);
}

// --- texts -------------------------------------------------------------------------------------------------

std::string word(Random& random, std::size_t size) {
  std::string text;
  while (text.size() < size) text += "abcdefghijklmnopqrstuvwxyz0123456789"[random() % 36];
  return text;
}

std::string address_of(std::uint64_t i) {
  return fmt::format("{:012x}@{:06x}.org", i * 0x9e3779b97f4a % (1ull << 48), i % 0xffffff) + "xx";
}

void bench_exact(std::size_t n) {
  const auto before = resident_bytes();
  const auto start = Clock::now();
  ExactIndex::Builder builder;
  for (std::size_t i = 0; i < n; ++i) builder.add(address_of(i), 0);
  const auto index = std::move(builder).build();
  const auto build = seconds_since(start);
  const auto bytes = resident_bytes() - before;
  Random random{2};
  for (const bool hit : {true, false}) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < lookups; ++i) values.push_back(address_of(random() % n + (hit ? 0 : n)));
    std::size_t found = 0;
    const auto ns = nanoseconds(values, [&](const std::string& value) { found += index.find(value).size(); });
    report(hit ? "exact, 25 bytes, found" : "exact, 25 bytes, not found", n, build, static_cast<double>(bytes), 44, ns,
           110);
    if ((found != 0) != hit) std::abort();
  }
}

// --- regular expressions -----------------------------------------------------------------------------------

struct Regexes {
  std::string_view what;
  std::size_t n;
  std::function<std::string(Random&, std::size_t)> pattern;
  std::function<std::string(Random&)> value;
  double budget_ns;
};

std::string mixed_pattern(Random& random, std::size_t i) {
  const std::string kinds[] = {word(random, 6) + "@" + word(random, 7) + "\\.(com|net)$",
                               "^" + word(random, 4) + "[0-9]+@", "\\." + word(random, 3) + "(dsl|dyn|ppp)",
                               "(" + word(random, 5) + "|" + word(random, 6) + ")@"};
  return kinds[i % 4];
}

void bench_regexes(const Regexes& regexes) {
  Random random{3};
  std::vector<std::string> values;
  for (int i = 0; i < 20'000; ++i) values.push_back(regexes.value(random));
  const auto before = bytes_in_use();
  RegexIndex::Builder builder{false};
  const auto start = Clock::now();
  for (std::size_t i = 0; i < regexes.n; ++i) builder.add(regexes.pattern(random, i), static_cast<std::uint32_t>(i));
  const auto index = std::move(builder).build();
  const auto build = seconds_since(start);
  IdList out, gave_up;
  const auto ns = nanoseconds(values, [&](const std::string& value) {
    out.clear();
    gave_up.clear();
    index->find(value, out, gave_up);
  });
  report(regexes.what, regexes.n, build, static_cast<double>(bytes_in_use() - before), 1024, ns, regexes.budget_ns);
}

// --- the worst patterns ------------------------------------------------------------------------------------

struct Nasty {
  std::string_view what;
  std::size_t n;
  std::function<std::string(Random&)> pattern;
  std::function<std::string(Random&, std::size_t)> value;  // of a size
};

// The longest look-up among some values of each size. `gives_up`: the work limit was passed.
void bench_nasty(const Nasty& nasty) {
  Random random{4};
  RegexIndex::Builder builder{false};
  for (std::size_t i = 0; i < nasty.n; ++i) builder.add(nasty.pattern(random), static_cast<std::uint32_t>(i));
  const auto index = std::move(builder).build();
  fmt::print("| {} | {} |", nasty.what, nasty.n);
  for (const std::size_t size : {64u, 254u, 2'048u, 60'000u}) {
    double longest = 0;
    bool gives_up = false;
    for (std::size_t i = 0; i < std::clamp<std::size_t>(100'000 / size, 3, 200); ++i) {
      const auto value = nasty.value(random, size);
      IdList out, gave_up;
      const auto start = Clock::now();
      index->find(value, out, gave_up);
      longest = std::max(longest, seconds_since(start) * 1e6);
      gives_up |= !gave_up.empty();
    }
    fmt::print(" {:.0f} us{} |", longest, gives_up ? ", UNKNOWN" : "");
  }
  fmt::print("\n");
}

void bench_all_nasty() {
  const auto only = [](std::string pattern) { return [pattern](Random&) { return pattern; }; };
  const auto letters_and_end = [](Random&, std::size_t size) { return std::string(size - 1, 'a') + "!"; };
  const auto any_text = [](Random& random, std::size_t size) { return word(random, size); };
  const auto alternatives = [](Random& random) {
    std::string all = word(random, 8);
    for (int i = 1; i < 3000; ++i) all += "|" + word(random, 8);
    return all;
  };
  const auto joined = [](std::size_t letters) {
    return [letters](Random& random) { return word(random, letters) + ".*" + word(random, letters); };
  };
  const Nasty all[] = {
      {"`(a+)+$`", 1, only("(a+)+$"), letters_and_end},
      {"`((a*)*b?)*c{900}`", 1, only("((a*)*b?)*c{900}"), letters_and_end},
      {"`a.{900}b`", 1, only("a.{900}b"), any_text},
      {"3,000 alternatives", 1, alternatives, any_text},
      {"`ab.*cd`", 300, joined(2), any_text},
      {"`ab.*cd`", 3000, joined(2), any_text},
      {"`a.*b`", 1000, joined(1), any_text},
      {"`a.*b`", 10'000, joined(1), any_text},
      {"`(?=.)(a+)+[bc]$`", 1, only("(?=.)(a+)+[bc]$"), letters_and_end},
      {"`(.*)\\1x`", 1, only("(.*)\\1x"), any_text},
      {"`(.*)(.*)(.*)\\1!`", 1, only("(.*)(.*)(.*)\\1!"), any_text},
  };
  fmt::print(
      "\n| patterns | how many | 64 bytes | 254 bytes | 2,048 bytes | 60,000 bytes |\n| --- | --- | --- | --- | --- "
      "| --- |\n");
  for (const auto& nasty : all) bench_nasty(nasty);
}

const auto one_address = [](Random&) -> std::string { return "alice@example.net"; };
const auto any_address = [](Random& random) { return word(random, 8) + "@" + word(random, 9) + ".example.net"; };

}  // namespace

int main(int argc, char** argv) {
  const auto count = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  const auto ranges = count(1, 1'000'000), keys = count(2, 10'000'000), patterns = count(3, 10'000);
  fmt::print("| index | entries | built in | bytes each | ns a look-up |\n| --- | --- | --- | --- | --- |\n");
  if (ranges > 0) {
    bench_addresses("IPv4, /16 to /32", ranges, anywhere_v4, 16, 32, false);
    bench_addresses("IPv4, /24 to /32, ids of their own", ranges, anywhere_v4, 24, 32, true);
    bench_addresses("IPv4, addresses", ranges, anywhere_v4, 32, 32, false);
    bench_addresses("IPv6, /32 to /64", ranges, anywhere_v6, 32, 64, false);
    bench_addresses("IPv6, /32 to /64, ids of their own", ranges, anywhere_v6, 32, 64, true);
    bench_addresses("IPv6, /48 to /64 in one /32", ranges, in_one_site, 48, 64, false);
    bench_addresses("IPv6, /32 to /128", ranges, anywhere_v6, 32, 128, false);
    bench_addresses("IPv6, addresses", ranges, anywhere_v6, 128, 128, false);
    bench_addresses("IPv6, /48 to /64 in 1,000 /32", ranges, in_many_sites, 48, 64, false);
    bench_addresses("IPv6, addresses in 1,000 /32", ranges, in_many_sites, 128, 128, false);
  }
  if (keys > 0) bench_exact(keys);
  if (patterns > 0) {
    bench_regexes({"regexes, alice@example.net", 20, mixed_pattern, one_address, 60});
    bench_regexes({"regexes, alice@example.net", 100, mixed_pattern, one_address, 60});
    bench_regexes({"regexes, 20,000 addresses", patterns, mixed_pattern, any_address, 500});
    const auto as_substring = [](Random& random, std::size_t) {
      return word(random, 5) + "@" + word(random, 5) + "\\.";
    };
    bench_regexes({"substrings, 20,000 addresses", patterns, as_substring, any_address, 500});
    const auto nothing_known = [](Random& random, std::size_t) {
      return "^[" + word(random, 3) + "]+[0-9]{2}[" + word(random, 3) + "]";
    };
    bench_regexes({"nothing to filter by, 20,000 addresses", patterns / 10, nothing_known, any_address, 500});
    bench_all_nasty();
  }
}

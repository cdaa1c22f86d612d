#include "match/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace policymux;

namespace {

std::string parsed(std::string_view text) {
  const auto address = parse_address(text);
  return address ? to_string(*address) : "no address";
}

std::string parsed_range(std::string_view text) {
  const auto range = parse_address_range(text);
  return range ? to_string(*range) : range.error();
}

Address address(std::string_view text) {
  const auto parsed = parse_address(text);
  REQUIRE(parsed);
  return *parsed;
}

struct Rule {
  AddressRange range;
  std::uint32_t id;
};

IdList find(const AddressIndex& index, const Address& a) {
  IdList out;
  index.find(a, out);
  CHECK(index.contains(a) == !out.empty());
  return out;
}

IdList find_naively(const std::vector<Rule>& rules, const Address& a) {
  IdList out;
  for (const auto& rule : rules)
    if (rule.range.contains(a)) out.push_back(rule.id);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

AddressIndex index_of(const std::vector<Rule>& rules) {
  AddressIndex::Builder builder;
  for (const auto& rule : rules) builder.add(rule.range, rule.id);
  return std::move(builder).build();
}

Address neighbour(Address a, bool up) {
  if (up) {
    if (++a.low == 0 && a.v6) ++a.high;
  } else if (a.low-- == 0 && a.v6) {
    --a.high;
  }
  if (!a.v6) a.low &= 0xffffffff;
  return a;
}

// Asks at, before and after both ends of every rule, and at random places.
void check_like_naive(const std::vector<Rule>& rules, const std::vector<Address>& more) {
  const auto index = index_of(rules);
  std::vector<Address> places = more;
  for (const auto& rule : rules) {
    for (const auto& end : {rule.range.first, rule.range.last})
      for (const auto& place : {end, neighbour(end, true), neighbour(end, false)}) places.push_back(place);
  }
  for (const auto& place : places) {
    if (find(index, place) == find_naively(rules, place)) continue;
    CAPTURE(to_string(place));
    CHECK(find(index, place) == find_naively(rules, place));
  }
}

}  // namespace

TEST_CASE("an address is a dotted quad or RFC 4291 text, and is dumped as RFC 5952 wants") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::", "::"},
      {"::1", "::1"},
      {"IPv6:2001:db8::1", "2001:db8::1"},
      {"ipv6:::1", "::1"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      // "IPv4-mapped IPv6 counts as IPv4"
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
      {"IPv6:::ffff:192.0.2.1", "192.0.2.1"},
      {"", "no address"},
      {"unknown", "no address"},
      {"192.0.2", "no address"},
      {"192.0.2.256", "no address"},
      {"192.0.2.01", "no address"},
      {" 192.0.2.1", "no address"},
      {"192.0.2.1 ", "no address"},
      {"[::1]", "no address"},
      {"fe80::1%eth0", "no address"},
      {"IPv6:192.0.2.1", "no address"},
      {"IPv6:", "no address"},
      {"1::2::3", "no address"},
      {"::1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18", "no address"}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(parsed(text) == want);
  }
  CHECK(parsed(std::string_view{"::1\0", 4}) == "no address");
  CHECK_FALSE(address("::ffff:192.0.2.1").v6);
  CHECK(address("::ffff:192.0.2.1") == address("192.0.2.1"));
}

TEST_CASE("of texts near a dotted quad those are addresses that inet_pton takes") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  static constexpr std::string_view pieces[] = {"0", "1", "9", "10", "25", "99", "100", "199", "255", "256", "999",
                                                "01", "1000", "", ".", "-1", " ", "a", "\xff", ":", "/"};
  std::size_t addresses = 0;
  for (int i = 0; i < 50'000; ++i) {
    // Mostly numbers that fit, mostly four of them.
    std::string text;
    const auto octets = random() % 8 == 0 ? random() % 6 : 4;
    for (std::size_t octet = 0; octet < octets; ++octet) {
      const std::size_t kinds = random() % 8 == 0 ? std::size(pieces) : 9;
      text.append(octet == 0 ? "" : ".").append(pieces[random() % kinds]);
    }
    in_addr ip{};
    const bool want = inet_pton(AF_INET, text.c_str(), &ip) == 1;
    CAPTURE(text);
    const auto got = parse_address(text);
    REQUIRE(got.has_value() == want);
    if (got) REQUIRE((got->low == ntohl(ip.s_addr) && !got->v6));
    addresses += want;
  }
  CHECK(addresses > 10'000);
}

TEST_CASE("client_address: address, CIDR, net/netmask, first-last; IPv4, IPv6") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"192.168.0.10", "192.168.0.10"},
      {"192.168.1.0/24", "192.168.1.0/24"},
      {"192.168.2.0/255.255.255.0", "192.168.2.0/24"},
      {"192.168.3.0-192.168.3.255", "192.168.3.0/24"},
      {"192.168.3.1-192.168.3.9", "192.168.3.1-192.168.3.9"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"0.0.0.0/0.0.0.0", "0.0.0.0/0"},
      {"192.0.2.1/32", "192.0.2.1"},
      {"192.0.2.1/255.255.255.255", "192.0.2.1"},
      {"192.0.2.2-192.0.2.5", "192.0.2.2-192.0.2.5"},
      {"192.0.2.4 - 192.0.2.7", "192.0.2.4/30"},
      {"192.0.2.0 / 24", "192.0.2.0/24"},
      {"::/0", "::/0"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"2001:db8::/65", "2001:db8::/65"},
      {"2001:db8::1/128", "2001:db8::1"},
      {"2001:db8::1-2001:db8::9", "2001:db8::1-2001:db8::9"},
      {"2001:db8::-2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"},
      {"::ffff:1.2.3.0/120", "1.2.3.0/24"},
      {"::ffff:0:0/96", "0.0.0.0/0"},
      {"::ffff:1.2.3.4/128", "1.2.3.4"},
      {"::ffff:1.2.3.4-1.2.3.7", "1.2.3.4/30"},
      // "Host bits in a CIDR, first > last, mixed families are errors"
      {"192.168.1.1/24", "'192.168.1.1/24' has host bits set: the network is 192.168.1.0/24"},
      {"2001:db8::1/64", "'2001:db8::1/64' has host bits set: the network is 2001:db8::/64"},
      {"192.0.2.9-192.0.2.1", "'192.0.2.9-192.0.2.1' ends before it begins"},
      {"192.0.2.1-2001:db8::1", "'192.0.2.1-2001:db8::1' mixes IPv4 and IPv6"},
      {"192.0.2.0/255.0.255.0", "a netmask has no holes: '255.0.255.0'"},
      {"2001:db8::/255.255.255.0", "a netmask is for IPv4 only: '255.255.255.0'"},
      {"192.0.2.0/33", "a prefix length is at most 32, not '33'"},
      {"2001:db8::/129", "a prefix length is at most 128, not '129'"},
      {"::ffff:1.2.3.0/24", "'::ffff:1.2.3.0' is an IPv4 address: its prefix length is at least 96, not '24'"},
      {"192.0.2.0/", "want a prefix length or a netmask instead of ''"},
      {"192.0.2.0/x", "want a prefix length or a netmask instead of 'x'"},
      {"192.0.2.0/2001:db8::", "want a prefix length or a netmask instead of '2001:db8::'"},
      {"/24", "'' is no address"},
      {"192.0.2/24", "'192.0.2' is no address"},
      {"192.0.2.1-", "'' is no address"},
      {"example.org", "'example.org' is no address"}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(parsed_range(text) == want);
    if (const auto range = parse_address_range(text)) CHECK(*parse_address_range(to_string(*range)) == *range);
  }
}

TEST_CASE("::/0 holds no IPv4") {
  const auto index = index_of({{*parse_address_range("::/0"), 6}});
  CHECK(find(index, address("2001:db8::1")) == IdList{6});
  CHECK(find(index, address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")) == IdList{6});
  CHECK(find(index, address("192.0.2.1")).empty());
  CHECK(find(index, address("::ffff:192.0.2.1")).empty());
  CHECK_FALSE(parse_address_range("::/0")->contains(address("192.0.2.1")));
}

TEST_CASE("an index without ranges finds nothing") {
  CHECK(find(AddressIndex{}, address("192.0.2.1")).empty());
  CHECK(find(index_of({}), address("::1")).empty());
}

TEST_CASE("nested, touching and crossing ranges are found like by looking at each") {
  const auto rules = [](std::initializer_list<std::string_view> texts) {
    std::vector<Rule> made;
    for (const auto text : texts) made.push_back({*parse_address_range(text), static_cast<std::uint32_t>(made.size())});
    return made;
  };
  check_like_naive(rules({"10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.255.255.255"}), {});
  check_like_naive(
      rules({"10.0.0.1-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.10-10.0.0.12", "0.0.0.0/0", "255.255.255.255"}), {});
  check_like_naive(rules({"2001:db8::/32", "2001:db8::/64", "2001:db8::1", "2001:db8::3-2001:db8:0:1::5", "::", "::/1",
                          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}),
                   {address("2001:db8:0:0:ffff::"), address("2001:db8:0:2::")});
  // One id, several ranges: told once.
  check_like_naive({{*parse_address_range("10.0.0.0/8"), 3},
                    {*parse_address_range("10.1.0.0/16"), 3},
                    {*parse_address_range("11.0.0.0/8"), 3}},
                   {});
}

TEST_CASE("random ranges are found like by looking at each") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  // Few bits vary, so that ranges meet; which ones differs from round to round.
  for (int round = 0; round < 60; ++round) {
    const bool v6 = round % 2 == 0;
    const unsigned shift_high = static_cast<unsigned>(random() % 58),
                   shift_low = static_cast<unsigned>(random() % (v6 ? 58 : 26));
    const bool vary_high = round % 3 != 0, vary_low = round % 3 != 1 || !v6;
    const auto any = [&] {
      Address a{.v6 = v6};
      if (v6 && vary_high) a.high = (random() % 64) << shift_high;
      if (vary_low) a.low = (random() % 64) << shift_low;
      return a;
    };
    std::vector<Rule> rules;
    for (std::size_t i = 0, n = 1 + random() % 200; i < n; ++i) {
      auto first = any(), last = random() % 3 == 0 ? first : any();
      if (last < first) std::swap(first, last);
      rules.push_back({{first, last}, static_cast<std::uint32_t>(random() % 50)});
    }
    std::vector<Address> more;
    for (int i = 0; i < 200; ++i) more.push_back(any());
    check_like_naive(rules, more);
  }
}

TEST_CASE("IPv6 ranges in crowds are found like by looking at each") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  // In each part of an address small numbers are the likelier ones: sites in sites, /64s with one address or many.
  const auto part = [&](unsigned bits) { return random() % (std::uint64_t{1} << random() % (bits + 1)); };
  const auto any = [&] {
    return Address{.high = part(12) << 48 | part(16) << 32 | part(16) << 16 | part(16), .low = part(63), .v6 = true};
  };
  const auto as_network = [&](Address a) {
    const auto host_bits = random() % 128;
    const auto ones = [](std::uint64_t n) { return n == 0 ? 0 : ~std::uint64_t{0} >> (64 - n); };
    const auto high = ones(host_bits > 64 ? host_bits - 64 : 0), low = ones(std::min<std::uint64_t>(host_bits, 64));
    return AddressRange{{a.high & ~high, a.low & ~low, true}, {a.high | high, a.low | low, true}};
  };
  for (const unsigned hosts_of_four : {0u, 2u, 4u}) {
    CAPTURE(hosts_of_four);
    std::vector<Rule> rules;
    for (std::uint32_t i = 0; i < 600; ++i) {
      const auto a = any();
      rules.push_back({random() % 4 < hosts_of_four ? AddressRange{a, a} : as_network(a), i % 400});
    }
    std::vector<Address> more;
    for (int i = 0; i < 200; ++i) more.push_back(any());
    check_like_naive(rules, more);
  }
}

TEST_CASE("an address that stands out in its /64 leaves the others what they had") {
  const auto rule = [](std::string_view text, std::uint32_t id) { return Rule{*parse_address_range(text), id}; };
  check_like_naive({rule("2001:db8::1", 1)}, {address("2001:db8::"), address("2001:db8:0:1::1")});
  check_like_naive({rule("2001:db8::/32", 1), rule("2001:db8::1", 2), rule("2001:db8:0:1::", 3)}, {});
  check_like_naive({rule("2001:db8::/64", 1), rule("2001:db8:0:1::1", 2), rule("2001:db8:0:2::/64", 3)}, {});
  check_like_naive({rule("2001:db8::-2001:db8::1:0", 1), rule("2001:db8::1:1", 2), rule("2001:db8:0:1::7", 3)}, {});
  check_like_naive({rule("2001:db8::ffff:ffff:ffff:ffff", 1), rule("2001:db8:0:1::", 1), rule("::", 2)}, {});
}

TEST_CASE("large sets of either family are found like small ones") {
  std::mt19937_64 random{7};
  std::vector<Rule> v4, hosts, networks;
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    const Address a{.low = random() & 0xffffffff};
    v4.push_back({{a, a}, i});
    const Address host{.high = 0x20010db800000000, .low = random(), .v6 = true};
    hosts.push_back({{host, host}, i});
    const Address network{.high = random(), .low = 0, .v6 = true};
    networks.push_back({{network, {network.high, ~std::uint64_t{0}, true}}, i});
  }
  for (const auto* rules : {&v4, &hosts, &networks}) {
    const auto index = index_of(*rules);
    for (const auto& rule : *rules) {
      REQUIRE(index.contains(rule.range.first));
      REQUIRE(index.contains(rule.range.last));
      REQUIRE(find(index, rule.range.first) == IdList{rule.id});
      REQUIRE(find(index, neighbour(rule.range.last, true)).empty());
      REQUIRE(find(index, neighbour(rule.range.first, false)).empty());
    }
  }
}

TEST_CASE("many ids that share a range take memory for the ids, not for their product") {
  std::vector<Rule> rules;
  constexpr std::uint32_t customers = 20'000;
  for (std::uint32_t i = 0; i < customers; ++i) {
    rules.push_back({*parse_address_range("10.0.0.0/8"), i});
    const auto own = address("10.0.0.0").low + i * 16;
    rules.push_back({{{.low = own}, {.low = own + 3}}, i + customers});
  }
  const auto index = index_of(rules);
  CHECK(find(index, address("10.0.0.17")).size() == customers + 1);
  CHECK(find(index, address("10.0.0.20")).size() == customers);
  CHECK(index.memory() < 40u << 20);
}

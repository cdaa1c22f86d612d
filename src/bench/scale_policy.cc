#include "bench/scale_policy.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <random>
#include <string_view>
#include <utility>

namespace policymux {
namespace {

using Kind = ScaleTest::Kind;

// How a test is written, and what matches it. {0}: its value; {1}: the same as a regular expression.
struct Form {
  std::string_view acl;                     // type and value
  std::string_view postfwd, postfwd_value;  // item and operator; value
  Attribute attribute;
  std::string_view specimen;
};

Form form_of(Kind kind) {
  switch (kind) {
    case Kind::sender: return {"sender match=exact {0}", "sender=", "={0}", Attribute::sender, "{0}"};
    case Kind::recipient: return {"recipient match=exact {0}", "recipient=", "={0}", Attribute::recipient, "{0}"};
    case Kind::sender_domain:
      return {"sender match=domain {0}", "sender=", "@(.*\\.)?{1}$", Attribute::sender, "news@lists.{0}"};
    case Kind::recipient_domain:
      return {"recipient_domain match=exact {0}", "recipient_domain=", "={0}", Attribute::recipient, "someone@{0}"};
    case Kind::role_pattern:
      return {"recipient ^(info|sales|office)[0-9]*@{1}$", "recipient=", "^(info|sales|office)[0-9]*@{1}$",
              Attribute::recipient, "sales7@{0}"};
    case Kind::host_pattern:
      return {"client_name (dsl|dyn|ppp)[0-9-]+\\.{1}$", "client_name=", "(dsl|dyn|ppp)[0-9-]+\\.{1}$",
              Attribute::client_name, "host-dyn17-4.{0}"};
    case Kind::network4:
      return {"client_address {0}.0/24", "client_address=", "{0}.0/24", Attribute::client_address, "{0}.77"};
    case Kind::network6: break;
  }
  return {"client_address {0}::/48", "client_address=", "{0}::/48", Attribute::client_address, "{0}::25"};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '.' ? "\\" : "").push_back(c);
  return out;
}

std::string fill(std::string_view form, const ScaleTest& test) {
  return fmt::format(fmt::runtime(form), test.value, escaped(test.value));
}

// Numbers that are the same on every machine, unlike those of the library's distributions.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_{seed} {}
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  template <class T, std::size_t n>
  const T& any_of(const std::array<T, n>& all) {
    return all[below(n)];
  }

 private:
  std::mt19937_64 random_;
};

// --- names: another one for each number, all of one kind -------------------------------------------------------

constexpr std::array<std::string_view, 8> colours = {"red",   "green",  "blue",  "silver",
                                                     "amber", "violet", "north", "sun"};
constexpr std::array<std::string_view, 8> things = {"tools",  "bank",  "garden", "media",
                                                    "travel", "books", "clinic", "lab"};
constexpr std::array<std::string_view, 3> endings = {"example", "test", "example.net"};
constexpr std::array<std::string_view, 8> people = {"alice.smith", "bob", "c.jones",  "dora.weiss",
                                                    "emil",        "fay", "g.moreau", "henry"};
constexpr std::uint64_t first_unknown = 1'000'000'000;  // customers from here on are in no policy

std::string domain(std::uint64_t n) {
  return fmt::format("{}{}{}.{}", colours[n % 8], things[n / 8 % 8], n, endings[n % 3]);
}
std::string person(std::uint64_t n) {
  return fmt::format("{}{}@{}", people[n % 8], n % 100, domain(n));
}

// Below four million a network for each customer, scattered over 30.0.0.0 to 93.255.255.255 and 2a00::/16.
std::uint64_t scattered(std::uint64_t n) {
  return n * 0x9e3779b1 % (1u << 22);
}
std::string network4(std::uint64_t n) {
  const auto net = scattered(n);
  return fmt::format("{}.{}.{}", 30 + (net >> 16), net >> 8 & 255, net & 255);
}
std::string network6(std::uint64_t n) {
  return fmt::format("2a00:{:x}:{:x}", scattered(n) >> 16, scattered(n) & 0xffff);
}

constexpr const char* our_network = "198.51.100";

// --- lines -------------------------------------------------------------------------------------------------------

class Author {
 public:
  explicit Author(std::uint64_t seed) : dice_{seed} {}

  ScalePolicy write(std::size_t lines) {
    ScalePolicy policy;
    while (lines > 0) {
      const bool calls = lines > chain_lines && dice_.below(50) == 0;
      policy.push_back(calls ? call() : line());
      lines -= calls ? chain_lines + 1 : 1;
    }
    return policy;
  }

 private:
  static constexpr std::size_t chain_lines = 5;

  ScaleLine line() {
    const auto n = customers_++;
    switch (dice_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3: return {{{Kind::sender, person(n)}}};
      case 4:
      case 5: return {{{Kind::recipient, person(n)}}};
      case 6:
      case 7:
      case 8: return {{{Kind::sender_domain, domain(n)}}};
      case 9:
      case 10: return {{{Kind::network4, network4(n)}}};
      case 11: return {{{Kind::network6, network6(n)}}};
      case 12: return {{{Kind::role_pattern, domain(n)}}};
      case 13: return {{{Kind::host_pattern, domain(n)}}};
      // In the customer's name, but from elsewhere; to the customer, but neither from its partner nor from us.
      case 14: return {{{Kind::sender_domain, domain(n)}, {Kind::network4, network4(n), true}}};
      default:
        return {{{Kind::recipient_domain, domain(n)},
                 {Kind::sender_domain, domain(dice_.below(n + 1)), true},
                 {Kind::network4, our_network, true}}};
    }
  }

  // A customer with rules about the senders of its mail.
  ScaleLine call() {
    ScaleLine call{{{Kind::recipient_domain, domain(customers_++)}}};
    for (std::size_t i = 0; i < chain_lines; ++i) {
      const auto n = customers_++;
      const std::array<ScaleTest, 3> about = {
          {{Kind::sender, person(n)}, {Kind::sender_domain, domain(n)}, {Kind::network4, network4(n)}}};
      call.chain.push_back({{dice_.any_of(about)}});
    }
    return call;
  }

  Dice dice_;
  std::uint64_t customers_ = 0;
};

class PolicyWriter {
 public:
  std::string write(const ScalePolicy& policy) && {
    text_ = "action no REJECT 5.7.1 Not today, ${sender}\n";
    for (const auto& line : policy) write(line);
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      text_ += fmt::format("chain c{}\n", i);
      for (const auto& line : *chains_[i]) write(line);
    }
    return std::move(text_);
  }

 private:
  void write(const ScaleLine& line) {
    std::string access = "access";
    for (const auto& test : line.tests) {
      text_ += fmt::format("acl a{} {}\n", acls_, fill(form_of(test.kind).acl, test));
      access += fmt::format(" {}a{}", test.negated ? "!" : "", acls_++);
    }
    if (line.chain.empty()) {
      text_ += access + " no\n";
    } else {
      text_ += fmt::format("action c{0} CHAIN c{0}\n{1} c{0}\n", chains_.size(), access);
      chains_.push_back(&line.chain);
    }
  }

  std::string text_;
  std::size_t acls_ = 0;
  std::vector<const std::vector<ScaleLine>*> chains_;
};

// A line, and the one that calls its chain, if it is in one.
template <class Visit>
void for_each_answer(const ScalePolicy& policy, Visit visit) {
  for (const auto& line : policy) {
    if (line.chain.empty()) visit(line, nullptr);
    for (const auto& called : line.chain) visit(called, &line);
  }
}

void append_postfwd(std::string& rule, const std::vector<ScaleTest>& tests) {
  for (const auto& test : tests) {
    const auto form = form_of(test.kind);
    const auto value = fill(form.postfwd_value, test);
    const bool exact = value.starts_with('=');
    if (!test.negated) {
      rule += fmt::format("; {}{}", form.postfwd, value);
    } else {
      rule += fmt::format("; {}{}!!({})", form.postfwd, exact ? "=" : "", value.substr(exact ? 1 : 0));
    }
  }
}

RequestForm unknown_mail(Dice& dice) {
  RequestForm form;
  const auto customer = [&dice] { return first_unknown + dice.below(1'000'000); };
  form.set(Attribute::sender, person(customer()));
  form.set(Attribute::recipient, person(customer()));
  const auto host = fmt::format("mail{}.{}", dice.below(100), domain(customer()));
  for (const auto name : {Attribute::client_name, Attribute::reverse_client_name, Attribute::helo_name})
    form.set(name, host);
  const auto a = dice.below(256), b = dice.below(256), c = dice.below(256);
  form.set(Attribute::client_address,
           a < 32 ? fmt::format("2001:db8:{:x}::{:x}", b, c) : fmt::format("10.{}.{}.{}", a, b, c));
  form.set(Attribute::instance, fmt::format("{:x}.0", dice.below(1ull << 40)));
  form.set(Attribute::size, std::to_string(dice.below(2'000'000)));
  return form;
}

// A number below `size`: 0 most often, each next one seldomer.
std::size_t busy(Dice& dice, std::size_t size) {
  const auto share = static_cast<double>(dice.below(1u << 31)) / (1u << 31);
  return static_cast<std::size_t>(std::pow(static_cast<double>(size) + 1, share)) - 1;
}

void match(const std::vector<ScaleTest>& tests, RequestForm& mail) {
  for (const auto& test : tests) {
    const auto form = form_of(test.kind);
    if (!test.negated) mail.set(form.attribute, fill(form.specimen, test));
  }
}

}  // namespace

ScalePolicy make_scale_policy(std::uint64_t seed, std::size_t lines) {
  return Author{seed}.write(lines);
}

std::string to_policy_conf(const ScalePolicy& policy) {
  return PolicyWriter{}.write(policy);
}

std::string to_postfwd(const ScalePolicy& policy) {
  std::string text;
  std::size_t number = 0;
  for_each_answer(policy, [&](const ScaleLine& line, const ScaleLine* caller) {
    text += fmt::format("id=R{}", number++);
    if (caller != nullptr) append_postfwd(text, caller->tests);
    append_postfwd(text, line.tests);
    text += "; action=REJECT 5.7.1 Not today, $$sender\n";
  });
  return text;
}

RequestPool scale_misses(std::uint64_t seed, std::size_t count) {
  RequestPool pool;
  Dice dice{seed};
  while (pool.size() < count) pool.add(unknown_mail(dice).render());
  return pool;
}

RequestPool scale_hits(const ScalePolicy& policy, Spread spread, std::uint64_t seed, std::size_t count) {
  std::vector<std::pair<const ScaleLine*, const ScaleLine*>> answers;
  for_each_answer(policy, [&](const ScaleLine& line, const ScaleLine* caller) { answers.emplace_back(&line, caller); });
  Dice dice{seed};
  for (std::size_t i = answers.size(); i > 1; --i) std::swap(answers[i - 1], answers[dice.below(i)]);
  RequestPool pool;
  while (pool.size() < count) {
    const auto [line, caller] =
        answers[spread == Spread::even ? dice.below(answers.size()) : busy(dice, answers.size())];
    auto mail = unknown_mail(dice);
    if (caller != nullptr) match(caller->tests, mail);
    match(line->tests, mail);
    pool.add(mail.render());
  }
  return pool;
}

std::string worst_policy_conf(std::size_t lines) {
  std::string text = "acl named client_name .\naction no REJECT\n";
  for (std::size_t n = 0; n < lines; ++n) {
    text += fmt::format("acl a{0} client_address ::/0 0.0.0.0-224.{1}.{2}.{3}\naccess a{0} !named no\n", n,
                        n >> 16 & 255, n >> 8 & 255, n & 255);
  }
  return text;
}

}  // namespace policymux

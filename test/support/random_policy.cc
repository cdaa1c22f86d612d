#include "support/random_policy.h"

#include <array>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace policymux::test {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 10> addresses = {
    "foo@domain.com", "bar@domain.com", "foo@bar.com", "Trap@Sub.Domain.com", "list+x@example.org",
    "foo.bar@example.org", "SRS0=h=t=bar.com=foo@fwd.example", "", "nodomain", "j\xc3\xb6rg@ex\xc3\xa4mple.net"};
constexpr std::array<std::string_view, 6> hosts = {"mx.domain.com", "a.b.dynamic.bar.com", "unknown", "bar.com",
                                                   "host.example.org.", "[192.0.2.1]"};
constexpr std::array<std::string_view, 7> clients = {"192.0.2.1", "192.0.2.77", "198.51.100.9", "10.1.2.3",
                                                     "2001:db8::25", "::ffff:192.0.2.1", "unknown"};
constexpr std::array<std::string_view, 10> states = {"CONNECT", "EHLO", "HELO", "MAIL", "RCPT",
                                                     "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", "XCLIENT"};
constexpr std::array<std::string_view, 8> sizes = {"0", "1", "500", "10240000", "10240001", "99999999", "banana", ""};

constexpr std::array<std::string_view, 11> text_types = {
    "sender", "recipient", "client_name", "helo_name", "sasl_username", "sender_domain", "sender_localpart",
    "recipient_domain", "helo_domain", "normalized_sender", "attribute:client_address"};
constexpr std::array<std::string_view, 16> text_values = {
    "foo@domain\\.com", "^foo@domain\\.com$", "@bar.com", "(foo|bar)@", "dynamic", "^$", "\\.org$", "o{2}", "^foo",
    "[a-f]+oo@", "(.)\\1", "bar(?!\\.com)", "domain", "\xc3\xb6", "^.{3}@", "^bar\\.com$"};
constexpr std::array<std::string_view, 10> plain_values = {
    "foo@domain.com", "bar@domain.com",      "domain.com",    "bar.com", ".domain.com", "foo",
    "example.org",    "Trap@sub.domain.com", "mx.domain.com", "oo"};
constexpr std::array<std::string_view, 11> ranges = {
    "192.0.2.0/24", "192.0.2.1",   "192.0.2.64-192.0.2.127", "10.0.0.0/8", "198.51.100.0/255.255.255.0",
    "2001:db8::/32", "0.0.0.0/0",    "10.1.0.0/16", "10.1.2.0-10.1.2.3",      "10.1.2.3",   "::/0"};
constexpr std::array<std::string_view, 9> numbers = {">500", "500", "1",        ">1", "<=500",
                                                     "0",    "2-5", "10240000", ">=10M"};
constexpr std::array<std::string_view, 5> domains = {"domain.com", ".domain.com", "example.org", "bar.com.", "com"};
constexpr std::array<std::string_view, 4> globs = {"*@bar.*", "f?o*", "[a-f]*", "*"};
constexpr std::array<std::string_view, 4> days = {"Monday-Wednesday", "sm", "Friday-Monday , tw", "a"};
constexpr std::array<std::string_view, 4> times = {"08:00-17:00", "22:00-06:00", "00:00-12:29", "12:30-24:00"};
constexpr std::array<std::string_view, 4> dates = {"1970-01-01..1999-12-31", "2001-02-03", "2000-02-29..2020-06-30",
                                                   "2020-01-01..2040-01-01"};
constexpr std::array<std::string_view, 4> months = {"1", "March-July", "nov , dec", "October-February"};
constexpr std::array<std::string_view, 6> zones = {
    "", "", " tz=Europe/Berlin", " tz=Asia/Kathmandu", " tz=America/New_York", " tz=Pacific/Kiritimati"};
constexpr std::array<std::string_view, 6> tags = {"one", "two", "three", "four", "five", "six"};

template <class T>
T pick(Random& random, std::span<const T> from) { return from[random() % from.size()]; }
std::string_view pick(Random& random, Words from) { return pick<std::string_view>(random, from); }
bool chance(Random& random, int percent) { return static_cast<int>(random() % 100) < percent; }

class Writer {
 public:
  explicit Writer(Random& random) : random_{random} {}

  MemoryFiles::Texts write(int lines) {
    const int acls = 3 + roll(14);
    for (int i = 0; i < acls; ++i) add_acl(i);
    for (int i = 0; i < 2 + roll(4); ++i) add_composite(acls + i);
    add_actions();
    add_lines("main", lines);
    for (int chain = 1; chain <= chains; ++chain) {
      text_ += fmt::format("chain c{}\n", chain);
      add_lines(fmt::format("c{}", chain), lines / 3);
    }
    if (chance(random_, 30)) {
      text_ += "chain main\n";
      add_lines("main", lines / 3);
    }
    files_["policy.conf"] = std::move(text_);
    return std::move(files_);
  }

 private:
  static constexpr int chains = 3;

  int roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }
  std::string_view one(Words words) { return pick(random_, words); }
  // A few of the words; some of them may stand in a value file, which other acls may name, too.
  std::string values(Words words, std::string_view kind) {
    std::string out;
    for (int i = 0; i <= roll(3); ++i) out += fmt::format(" \"{}\"", escaped(one(words)));
    if (chance(random_, 70)) return out;
    const auto path = fmt::format("/{}{}", kind, roll(2));
    auto& text = files_[path];
    for (int i = 0; text.empty() || i < roll(3); ++i) text += fmt::format("# a comment\n\n {}\r\n", one(words));
    return chance(random_, 50) ? out + " " + path : " " + path;
  }
  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '\\' || c == '"' ? fmt::format("\\{}", c) : std::string(1, c);
    return out;
  }
  std::string on_error() {
    return chance(random_, 25) ? chance(random_, 50) ? " on_error=match" : " on_error=nomatch" : "";
  }

  static constexpr int last_inline_kind = 16;  // of those below
  void add_acl(int number) {
    const auto name = fmt::format("a{}", number);
    std::string body;
    const int kind = roll(27);
    switch (kind) {
      case 0: case 1: case 2:
        body = fmt::format("{}{}{}", one(text_types), chance(random_, 20) ? " case=sensitive" : "",
                           values(text_values, "patterns"));
        break;
      case 3: body = fmt::format("{} match=exact{}", one(text_types), values(plain_values, "plain")); break;
      case 4: body = fmt::format("{} match=domain{}", one(text_types), values(domains, "domains")); break;
      case 5: body = fmt::format("{} match=prefix{}", one(text_types), values(plain_values, "plain")); break;
      case 6: body = fmt::format("{} match=suffix{}", one(text_types), values(plain_values, "plain")); break;
      case 7: body = fmt::format("{} match=substring{}", one(text_types), values(plain_values, "plain")); break;
      case 8: body = fmt::format("{} match=glob{}", one(text_types), values(globs, "globs")); break;
      case 9: body = "client_address" + values(ranges, "ranges"); break;
      case 10: body = "size" + values(numbers, "numbers"); break;
      case 11: body = "recipient_count" + values(numbers, "numbers"); break;
      case 12: body = "protocol_state" + values(states, "states"); break;
      case 13: case 14: body = calendar(); break;
      case 15: body = fmt::format("score >={}", roll(6) - 2); scored_.push_back(name); break;
      case 16: body = fmt::format("tag {}", one(tags)); scored_.push_back(name); break;
      case 17: body = fmt::format("rbl{} list{}.example", on_error(), roll(3)); break;
      case 18: body = fmt::format("rhsbl{} key=sender_domain list{}.example", on_error(), roll(3)); break;
      case 19: body = fmt::format("spf{} fail", on_error()); break;
      case 20: case 21: body = fmt::format("table{} vips{}", on_error(), found_patterns()); break;
      case 22: case 23:
        body = fmt::format("service{} scanners{}", on_error(), found_patterns());
        acting_.push_back(name);
        break;
      default: body = fmt::format("greylisting{} delay={}m", on_error(), 1 + roll(3)); acting_.push_back(name); break;
    }
    if (acting_.empty() || acting_.back() != name) plain_.push_back(name);
    if (kind <= last_inline_kind) tellable_.push_back(name);
    text_ += fmt::format("acl {} {}\n", name, body);
  }

  // Of what oracle_answer() finds; often none.
  std::string found_patterns() {
    std::string out;
    for (int i = roll(3); i > 0; --i) out += fmt::format(" \"^X-FOUND: [{}{}]\"", roll(10), roll(10));
    return out;
  }

  std::string add_sender() {
    text_ += "acl sender sender foo\n";
    return "sender";
  }

  std::string calendar() {
    const auto zone = one(zones);
    switch (roll(4)) {
      case 0: return fmt::format("day{} {}", zone, one(days));
      case 1: return fmt::format("time{} {}", zone, one(times));
      case 2: return fmt::format("date{} {}", zone, one(dates));
      default: return fmt::format("month{} {}", zone, one(months));
    }
  }

  void add_composite(int number) {
    constexpr std::array<std::string_view, 3> how = {"any", "all", "none"};
    if (plain_.empty()) return;
    const auto name = fmt::format("a{}", number);
    text_ += fmt::format("acl {} {}{}", name, one(how), on_error());
    for (int i = 0; i <= roll(3); ++i) text_ += fmt::format(" {}{}", chance(random_, 25) ? "!" : "", any_of(plain_));
    text_ += '\n';
    plain_.push_back(name);
  }

  void add_actions() {
    text_ += "acl l log hello ${sender} ${score}\n";
    text_ += "action r0 REJECT Go away ${sender} ${rule}\naction r1 REJECT\naction r2 550 5.7.1 No ${score} ${tags}\n"
             "action ok OK\naction dunno DUNNO\naction d DEFER later\naction pre PREPEND X-Score: ${score}\n"
             "action empty 450 ${sasl_username}\naction log LOG seen ${recipient}\n"
             "action s1 SCORE 1.5\naction s2 SCORE -0.25 two\naction s3 SCORE 3\n"
             "action t1 TAG one\naction t2 TAG three\n"
             "action c1 CHAIN c1\naction c2 CHAIN c2\naction c3 CHAIN c3\naction back RETURN\n"
             "action ask POLICY grey\naction learn LEARN whitelist\naction notify NOTIFY admin ${recipient}\n"
             "action class strict, reject_unverified_sender\naction mixed strict reject_rbl_client ${sender_domain}\n";
    if (tellable_.empty()) tellable_.push_back(add_sender());
    text_ += fmt::format("action found PREPEND ${{acl.{}}}\naction told REJECT ${{acl.{}}}\n", any_of(tellable_),
                         any_of(tellable_));
    constexpr std::array<std::string_view, 4> defaults = {"REJECT by default", "450 ${sasl_username}", "550 ${rule}x",
                                                          "OK"};
    if (chance(random_, 50)) text_ += fmt::format("action default {}\n", one(defaults));
  }

  void add_lines(std::string_view chain, int most) {
    constexpr std::array<std::string_view, 30> actions = {
        "r0", "r1", "r2", "ok",     "dunno", "d",     "pre",   "empty", "log",     "s1",
        "s2", "s3", "t1", "t2",     "back",  "ask",   "learn", "s1",    "s2",      "log",
        "c1", "c2", "c3", "notify", "class", "mixed", "found", "told",  "default", "c3"};
    for (int i = 0; i <= roll(most + 1); ++i) {
      text_ += "access";
      const int terms = 1 + roll(3);
      for (int t = 0; t < terms; ++t) {
        const bool acting = !acting_.empty() && chance(random_, 12);
        const auto& from = acting || plain_.empty() ? acting_ : plain_;
        if (!from.empty()) text_ += fmt::format(" {}{}", chance(random_, 25) ? "!" : "", any_of(from));
      }
      if (chance(random_, 10)) text_ += " l";
      if (plain_.empty() && acting_.empty()) text_ += " l";
      auto action = one(actions);
      const bool is_call = action.size() == 2 && action.starts_with('c');
      if (is_call && chain != "main" && action <= chain) action = "s1";  // no cycles
      if (!chance(random_, 8)) text_ += fmt::format(" {}", action);
      text_ += '\n';
    }
  }

  const std::string& any_of(const std::vector<std::string>& names) { return names[random_() % names.size()]; }

  Random& random_;
  std::string text_;
  MemoryFiles::Texts files_;
  std::vector<std::string> plain_, acting_, scored_, tellable_;
};

}  // namespace

MemoryFiles::Texts random_policy(Random& random, int lines) { return Writer{random}.write(lines); }

std::string random_request(Random& random) {
  std::string text = "request=smtpd_access_policy\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!chance(random, 4)) text += fmt::format("{}={}\n", name, value);
  };
  add("protocol_state", pick(random, states));
  add("client_address", pick(random, clients));
  add("client_name", pick(random, hosts));
  add("helo_name", chance(random, 20) ? "" : pick(random, hosts));
  add("sender", pick(random, addresses));
  add("recipient", pick(random, addresses));
  add("recipient_count", pick(random, sizes));
  add("size", pick(random, sizes));
  add("sasl_username", chance(random, 50) ? "" : "foo");
  add("instance", "1.2.3");
  return text + "\n";
}

Answer oracle_answer(const Definition& definition, std::string_view key, std::uint64_t salt) {
  std::string text{question_type(definition.kind).name};
  for (const auto& value : definition.values) text += value;
  for (const auto& option : definition.options) text += option.name + option.value;
  const auto hash = std::hash<std::string>{}(text + std::string{key} + std::to_string(salt));
  Answer answer{.outcome = static_cast<Outcome>(hash / 7 % 3)};
  if (definition.kind != QuestionKind::policy) {
    answer.fields.emplace_back(fmt::format("X-Found: {}", hash % 10));
  } else {
    constexpr std::array<std::string_view, 4> answers = {"DUNNO", "REJECT from afar", "550", "OK"};
    answer.fields.emplace_back(answers[hash / 31 % answers.size()]);
  }
  return answer;
}

}  // namespace policymux::test

// "The compiled table and a plain reading of the file, line by line, always decide alike."
#include "support/referee.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "bench/scale_policy.h"
#include "proto/parser.h"
#include "rule/evaluate.h"
#include "rule/judge.h"
#include "rule/lint_parts.h"
#include "rule/load.h"
#include "support/catch.h"
#include "support/memory_files.h"
#include "support/random_policy.h"

namespace policymux::test {
namespace {

// Most of what a random policy asks; a daemon may lack any of it.
std::vector<QuestionKind> some_kinds(Random& random) {
  std::vector<QuestionKind> built_in;
  for (const auto kind : {QuestionKind::rbl, QuestionKind::rhsbl, QuestionKind::spf, QuestionKind::greylisting,
                          QuestionKind::table, QuestionKind::service, QuestionKind::policy, QuestionKind::learn}) {
    if (random() % 8 != 0) built_in.push_back(kind);
  }
  return built_in;
}

std::string text(const MemoryFiles::Texts& files) {
  std::string out;
  for (const auto& [path, content] : files) out += "#--- " + path + "\n" + content;
  return out;
}

// Walks the compiled table to the end, answering the questions in flight in an order left to chance.
class Walk {
 public:
  Walk(Evaluator& evaluator, const Request& request, const Oracle& oracle, Random& random)
      : evaluator_{evaluator}, request_{request}, oracle_{oracle}, random_{random} {}

  Ruling run() {
    while (true) {
      const auto* decision = evaluator_.evaluate(request_, facts_, asked_before_ ? &memo_ : nullptr);
      if (decision != nullptr) return ruling(*decision);
      evaluator_.remember(memo_);
      asked_before_ = true;
      for (const auto& need : evaluator_.needs()) ask(need);
      if (in_flight_.empty()) return {.action = "stuck"};
      answer_one();
    }
  }

 private:
  struct Flying { QuestionId question; std::string key; };

  void ask(const Need& need) {
    if (facts_.asked(need.question)) return;
    const auto& definition = *evaluator_.table().questions[need.question];
    const auto conduct = question_type(definition.kind).conduct;
    if (conduct == Conduct::acting) {
      std::string text{question_type(definition.kind).name};
      for (const auto& value : definition.values) text += " " + value;
      for (const auto& option : definition.options) text += " " + option.name + "=" + option.value;
      acting_.push_back(text + " " + std::string{need.key});
    }
    facts_.ask(need.question, conduct);
    in_flight_.push_back({need.question, std::string{need.key}});
  }

  void answer_one() {
    const auto at = in_flight_.begin() + static_cast<std::ptrdiff_t>(random_() % in_flight_.size());
    const auto& table = evaluator_.table();
    facts_.add(at->question, judged(table, at->question, oracle_(*table.questions[at->question], at->key)));
    in_flight_.erase(at);
  }

  Ruling ruling(const Decision& decision) {
    const auto where = [this](LineId line) {
      if (line == Table::no_line) return std::string{"default"};
      const auto label = evaluator_.table().label_of(line);
      return std::string{label.file} += label.number;
    };
    constexpr std::array<std::string_view, 5> kinds = {"log", "score", "tag", "notify", "warning"};
    Ruling out{.action = std::string{decision.action()}, .rule = decision.line ? where(*decision.line) : "default"};
    for (const auto& effect : decision.effects) {
      out.effects.push_back(std::string{kinds[static_cast<std::size_t>(effect.kind)]} + " " + where(effect.line) + " " +
                            std::string{effect.text});
    }
    for (const auto line : decision.matched) out.matched.push_back(where(line));
    out.acting = acting_;
    return out;
  }

  Evaluator& evaluator_;
  const Request& request_;
  const Oracle& oracle_;
  Random& random_;
  Facts facts_;
  Memo memo_;
  bool asked_before_ = false;
  std::vector<Flying> in_flight_;
  std::vector<std::string> acting_;
};

std::string text(const Ruling& ruling) {
  std::string out = ruling.action + " by " + ruling.rule + "\n";
  for (const auto& effect : ruling.effects) out += "  effect " + effect + "\n";
  for (const auto& line : ruling.matched) out += "  matched " + line + "\n";
  for (const auto& question : ruling.acting) out += "  acting " + question + "\n";
  return out;
}

// Of which lint says that an earlier line always comes first.
std::set<std::string> shadowed_lines(const Policy& policy, const Table& table) {
  std::set<std::string> lines;
  for (const auto& doubt : doubt_shadowed(policy, table)) lines.insert(policy.where(doubt.at));
  return lines;
}

// POLICYMUX_REFEREE=seed:policies runs another or a longer match than the daily one; POLICYMUX_LONG adds the largest
// of the policies of every size.
struct Size { std::uint64_t seed; int policies; };
Size size_of_match() {
  Size size{std::random_device{}(), 1500};
  if (const char* wanted = std::getenv("POLICYMUX_REFEREE")) {
    char* rest = nullptr;
    size.seed = std::strtoull(wanted, &rest, 10);
    if (*rest == ':') size.policies = std::atoi(rest + 1);
  }
  return size;
}

// One request, decided by both. Returns the line that decided, or "default".
std::string compare(const Policy& policy, Evaluator& evaluator, const std::set<std::string>& shadowed,
                    std::string_view bytes, Random& random) {
  RequestParser parser;
  REQUIRE(parser.parse(bytes) == ParseStatus::complete);
  auto& request = parser.request();
  request.now = WallTime{milliseconds{static_cast<std::int64_t>(random() % 2'000'000'000'000)}};
  const auto salt = random();
  const Oracle oracle = [salt](const Definition& d, std::string_view key) { return oracle_answer(d, key, salt); };
  INFO(bytes);
  const auto want = referee(policy, request, oracle);
  const auto got = Walk{evaluator, request, oracle, random}.run();
  for (const auto& line : want.matched) {
    if (shadowed.contains(line)) FAIL(line << " matches, although lint says that it never does");
  }
  if (got != want) FAIL("plain reading:\n" << text(want) << "compiled table:\n" << text(got));
  return want.rule;
}

TEST_CASE("the compiled table and a plain reading of the file, line by line, always decide alike") {
  const auto [seed, policies] = size_of_match();
  WARN("seed " << seed << ", policies " << policies << ", 8 requests each");
  for (int round = 0; round < policies; ++round) {
    Random random{seed + static_cast<std::uint64_t>(round)};
    MemoryFiles files{random_policy(random, 12)};
    const auto built_in = some_kinds(random);
    const auto loaded =
        load_policy(files, "policy.conf", {.restriction_classes = random_classes, .built_in = built_in});
    INFO("seed " << seed << " round " << round << "\n" << text(files.texts));
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == Severity::error) UNSCOPED_INFO(render(diagnostic));
    }
    REQUIRE(loaded.policy);
    const auto table = compile(*loaded.policy);
    REQUIRE(table);
    const auto shadowed = shadowed_lines(*loaded.policy, **table);
    Evaluator evaluator{*table};
    for (int i = 0; i < 8; ++i) compare(*loaded.policy, evaluator, shadowed, random_request(random), random);
  }
}

// How many of the requests a line decided.
std::size_t compare_all(std::string policy, const RequestPool& requests, Random& random) {
  MemoryFiles files{{{"policy.conf", std::move(policy)}}};
  const auto loaded = load_policy(files, "policy.conf", {});
  REQUIRE(loaded.policy);
  const auto table = compile(*loaded.policy);
  REQUIRE(table);
  const auto shadowed = shadowed_lines(*loaded.policy, **table);
  Evaluator evaluator{*table};
  std::size_t matched = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (compare(*loaded.policy, evaluator, shadowed, requests[i], random) != "default") ++matched;
  }
  return matched;
}

TEST_CASE("they decide alike whatever the number of lines, for mail that matches and mail that does not") {
  const auto seed = size_of_match().seed;
  WARN("seed " << seed);
  Random random{seed};
  std::vector<std::size_t> sizes = {10, 100, 1'000, 10'000};
  if (std::getenv("POLICYMUX_LONG") != nullptr) sizes.push_back(100'000);
  for (const auto lines : sizes) {
    INFO("seed " << seed << ", " << lines << " lines");
    const auto policy = make_scale_policy(seed, lines);
    const auto text = to_policy_conf(policy);
    const auto some = std::max<std::size_t>(10, 2'000 / lines);
    CHECK(compare_all(text, scale_hits(policy, Spread::even, seed, some), random) == some);
    CHECK(compare_all(text, scale_misses(seed, some), random) == 0);
  }
  CHECK(compare_all(worst_policy_conf(300), scale_misses(seed, 4), random) == 0);
}

}  // namespace
}  // namespace policymux::test

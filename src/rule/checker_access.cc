#include <algorithm>
#include <numeric>

#include "rule/checker.h"
#include "rule/graph.h"

namespace policymux {
namespace {

constexpr std::uint32_t deepest_chain = 16;
constexpr std::uint64_t most_visits = 1'000'000;  // of access lines by one request, where chains are called again

// One of them is always there, whether it is defined or not.
bool is_action(const CheckerContext& context, std::string_view name) {
  return name == "default" || context.actions.find(name);
}

// LANGUAGE: "If the last word names an action it is the action". Takes it off the words; nullopt: the default.
std::optional<std::uint32_t> take_action(CheckerContext& context, std::span<const Word>& words) {
  const auto& last = words.back();
  if (!is_action(context, last.text)) return std::nullopt;
  words = words.first(words.size() - 1);
  if (context.acls.find(last.text)) {
    context.report.warning(last.place, {in_quotes(last.text) + " is an action and an acl: taken as the action"});
  }
  return context.actions.find(last.text);
}

// A word of an access line may also have been meant for an action.
std::optional<Term> resolve_word(CheckerContext& context, const Word& word, bool is_last) {
  const std::string_view name = word.text;
  const bool negated = name.starts_with('!');
  if (negated && is_action(context, name.substr(1)) && !context.acls.find(name.substr(1))) {
    context.report.error(word.place, {in_quotes(name.substr(1)) + " is an action: it has no opposite"});
    return std::nullopt;
  }
  if (negated || context.acls.find(name)) return resolve_term(context, name, {.place = word.place});
  if (is_action(context, name)) {
    context.report.error(word.place, {in_quotes(name) + " is an action: it must be the last word"});
    return std::nullopt;
  }
  auto hint = context.acls.hint(name);
  if (hint.empty() && is_last) hint = context.actions.hint(name);
  context.report.error(word.place,
                       {(is_last ? "unknown acl or action " : "unknown acl ") + in_quotes(name), std::move(hint)});
  return std::nullopt;
}

void warn_repeated(CheckerContext& context, std::span<const Word> words, const std::vector<Term>& terms) {
  auto sorted = terms;
  const auto less = [](const Term& a, const Term& b) {
    return std::pair{a.acl, a.negated} < std::pair{b.acl, b.negated};
  };
  std::ranges::sort(sorted, less);
  const auto is_opposite = [](const Term& a, const Term& b) { return a.acl == b.acl && a.negated != b.negated; };
  auto twice = std::ranges::adjacent_find(sorted, is_opposite);
  if (twice == sorted.end()) twice = std::ranges::adjacent_find(sorted, {}, &Term::acl);
  if (twice == sorted.end()) return;
  const auto second = std::find_if(terms.rbegin(), terms.rend(), [&](const Term& t) { return t.acl == twice->acl; });
  const auto& word = words[static_cast<std::size_t>(terms.rend() - second) - 1];
  const auto name = in_quotes(context.policy.acls[twice->acl].name);
  context.report.warning(word.place, {twice->negated == (twice + 1)->negated
                                          ? "acl " + name + " stands here twice"
                                          : "acl " + name + " and its opposite: this line never matches"});
}

std::string text_of(const AccessStatement& statement) {
  std::string text = "access";
  for (const auto& word : statement.words) text.append(1, ' ').append(word.text);
  return text;
}

// Which line of a chain calls `to`.
const Access& caller(const Policy& policy, std::uint32_t from, std::uint32_t to) {
  const auto calls = [&](std::uint32_t line) { return called_by(policy, policy.lines[line]) == to; };
  return policy.lines[*std::ranges::find_if(policy.chains[from].lines, calls)];
}

// How many access lines a request can run in each chain, with all that they call: at most `limit` + 1 is counted.
//   REQUIRES  no cycles
std::vector<std::uint64_t> visits_of(const Policy& policy, const std::vector<std::uint32_t>& heights,
                                     std::uint64_t limit) {
  std::vector<std::uint32_t> inner_first(policy.chains.size());
  std::iota(inner_first.begin(), inner_first.end(), 0u);
  std::ranges::sort(inner_first, {}, [&](std::uint32_t chain) { return heights[chain]; });
  std::vector<std::uint64_t> visits(policy.chains.size());
  for (const auto chain : inner_first) {
    for (const auto line : policy.chains[chain].lines) {
      const auto called = called_by(policy, policy.lines[line]);
      visits[chain] = std::min(visits[chain] + 1 + (called ? visits[*called] : 0), limit + 1);
    }
  }
  return visits;
}

// Calls of calls of chains multiply. Told at the innermost chain that runs too much.
void check_visits(CheckerContext& context, const Graph& calls, const std::vector<std::uint32_t>& heights) {
  const auto& policy = context.policy;
  const auto limit = std::max<std::uint64_t>(most_visits, policy.lines.size());
  const auto visits = visits_of(policy, heights, limit);
  const auto is_too_much = [&](std::uint32_t chain) { return visits[chain] > limit; };
  if (!is_too_much(0)) return;
  std::uint32_t chain = 0;
  for (auto next = std::ranges::find_if(calls[0], is_too_much); next != calls[chain].end();
       next = std::ranges::find_if(calls[chain], is_too_much)) {
    chain = *next;
  }
  context.report.error(
      policy.lines[policy.chains[chain].lines.front()].place,
      {"chain " + in_quotes(policy.chains[chain].name) + " could run more than 1,000,000 access lines for one request",
       "a chain that is called many times by chains that are called many times runs as often as their product"});
}

// Told at the call that goes one too deep.
void check_depth(CheckerContext& context, const Graph& calls, const std::vector<std::uint32_t>& heights) {
  std::uint32_t chain = 0;
  for (std::uint32_t depth = 0; depth + heights[chain] > deepest_chain; ++depth) {
    const auto next = *std::ranges::max_element(calls[chain], {}, [&](std::uint32_t c) { return heights[c]; });
    if (depth == deepest_chain) {
      return context.report.error(caller(context.policy, chain, next).place,
                                  {"chains nest more than 16 deep here, on their way from main"});
    }
    chain = next;
  }
}

}  // namespace

std::optional<Term> resolve_term(CheckerContext& context, std::string_view text, const Origin& at) {
  const bool negated = text.starts_with('!');
  if (negated) text.remove_prefix(1);
  if (text.empty()) {
    context.error(at, "!", {"'!' without an acl behind it"});
    return std::nullopt;
  }
  const auto acl = context.acl_named(text, at);
  if (!acl) return std::nullopt;
  return Term{.acl = *acl, .negated = negated};
}

void add_access(CheckerContext& context, const AccessStatement& statement) {
  std::span<const Word> words{statement.words};
  Access line{.place = statement.place, .chain = statement.chain, .text = text_of(statement)};
  line.action = take_action(context, words);
  if (words.empty()) {
    context.report.error(statement.words.front().place,
                         {in_quotes(statement.words.front().text) + " is an action: this line has no acl"});
    return;
  }
  if (words.size() > most_tests) {
    context.report.error(words[most_tests].place,
                         {"more than 1,000 tests in one line", "any, all and none combine tests"});
    return;
  }
  for (const auto& word : words) {
    const bool is_last = &word == &statement.words.back() && words.size() > 1;
    if (const auto term = resolve_word(context, word, is_last)) line.terms.push_back(*term);
  }
  if (line.terms.size() == words.size()) warn_repeated(context, words, line.terms);
  auto& policy = context.policy;
  policy.chains[line.chain].lines.push_back(static_cast<std::uint32_t>(policy.lines.size()));
  policy.lines.push_back(std::move(line));
}

void check_chains(CheckerContext& context, std::span<const ChainStatement> statements) {
  const auto& policy = context.policy;
  const auto calls = calls_of(policy);
  const auto walked = walk(calls);
  for (const auto& cycle : walked.cycles) {
    const auto name = [&](std::uint32_t chain) { return policy.chains[chain].name; };
    context.report.error(caller(policy, cycle.back(), cycle.front()).place,
                         {"a cycle of chains: " + cycle_text(cycle, " calls ", name)});
  }
  if (walked.cycles.empty()) {
    check_depth(context, calls, walked.heights);
    check_visits(context, calls, walked.heights);
  }

  std::vector<bool> is_called(policy.chains.size(), false);
  for (const auto& callees : calls) {
    for (const auto chain : callees) is_called[chain] = true;
  }
  for (std::size_t chain = 1; chain < policy.chains.size(); ++chain) {
    if (!is_called[chain]) {
      context.report.warning(statements[chain].place, {"nothing calls chain " + in_quotes(policy.chains[chain].name)});
    }
  }
}

}  // namespace policymux

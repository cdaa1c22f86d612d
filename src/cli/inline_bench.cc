#include "cli/inline_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "bench/requests.h"
#include "proto/parser.h"
#include "rule/evaluate.h"

namespace policymux {
namespace {

constexpr std::size_t pool_size = 10'000;
constexpr int passes = 20;

// Nanoseconds a call takes, of the fastest of several passes over all requests.
template <class F>
double nanoseconds_each(std::size_t count, F&& one) {
  double best = std::numeric_limits<double>::max();
  for (int pass = 0; pass < passes; ++pass) {
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) one(i);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    best = std::min(best, took.count() / static_cast<double>(count));
  }
  return best;
}

Result<RequestPool, std::string> requests_of(const InlineBenchOptions& options) {
  return options.requests.empty() ? generate_requests(options.seed, pool_size) : read_requests(options.requests);
}

}  // namespace

int inline_bench(const InlineBenchOptions& options) {
  Diagnostics diagnostics;
  auto config = read_config(options.origins, diagnostics);
  Ruleset ruleset;
  if (config) ruleset = read_ruleset(options.origins, *std::move(config), {});
  const auto pool = requests_of(options);
  if (!ruleset.usable() || !pool || pool->size() == 0) {
    fmt::print(stderr, "policymux bench: {}\n", pool ? "the configuration has mistakes (try policymux check)" : pool.error());
    return 1;
  }

  RequestParser parser;
  const double parse = nanoseconds_each(pool->size(), [&](std::size_t i) { parser.parse((*pool)[i]); });
  std::vector<Request> requests;
  for (std::size_t i = 0; i < pool->size(); ++i) {
    if (parser.parse((*pool)[i]) == ParseStatus::complete) requests.push_back(parser.request());
  }
  Evaluator evaluator{ruleset.table};
  std::size_t decided = 0, matched = 0;
  const double decide = nanoseconds_each(requests.size(), [&](std::size_t i) {
    const auto* decision = evaluator.evaluate(requests[i]);
    if (decision == nullptr) return;
    ++decided;
    if (decision->line) ++matched;
  });
  const double share = decided == 0 ? 0 : static_cast<double>(matched) / static_cast<double>(decided);
  if (options.json) {
    fmt::print("{{\"parse_ns\": {:.1f}, \"decide_ns\": {:.1f}, \"requests\": {}, \"matched\": {:.4f}}}\n", parse, decide,
               requests.size(), share);
  } else {
    fmt::print("parse   {:7.1f} ns a request\ndecide  {:7.1f} ns a request, {} access lines, {:.1f} % of the requests match one\n",
               parse, decide, evaluator.table().lines.size(), 100 * share);
  }
  return 0;
}

}  // namespace policymux

#include "cli/inline_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "bench/requests.h"
#include "cli/engine.h"
#include "proto/parser.h"

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
  const auto began = std::chrono::steady_clock::now();
  auto engine = load_engine(options.origins);
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - began;
  const auto pool = requests_of(options);
  if (!engine || !pool || pool->size() == 0) {
    fmt::print(stderr, "{}", !engine ? engine.error() : !pool ? pool.error() + "\n" : "no requests\n");
    return 1;
  }

  RequestParser parser;
  const double parse = nanoseconds_each(pool->size(), [&](std::size_t i) { parser.parse((*pool)[i]); });
  std::vector<Request> requests;
  const auto wanted = options.count == 0 ? pool->size() : std::min<std::size_t>(options.count, pool->size());
  for (std::size_t i = 0; i < wanted; ++i) {
    if (parser.parse((*pool)[i]) == ParseStatus::complete) requests.push_back(parser.request());
  }
  const double decide = nanoseconds_each(requests.size(), [&](std::size_t i) { engine->evaluate(requests[i]); });
  if (options.json) {
    fmt::print(R"({{"load_ms": {:.1f}, "parse_ns": {:.1f}, "decide_ns": {:.1f}, "requests": {}, "lines": {}}})" "\n",
               load.count(), parse, decide, requests.size(), engine->lines());
  } else {
    fmt::print("load    {:7.1f} ms, {} access lines\nparse   {:7.1f} ns a request\ndecide  {:7.1f} ns a request\n",
               load.count(), engine->lines(), parse, decide);
  }
  return 0;
}

}  // namespace policymux

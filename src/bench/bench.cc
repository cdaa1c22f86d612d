#include "bench/bench.h"

#include <cstdio>

#include <fmt/format.h>

#include "bench/scale_policy.h"

namespace policymux {
namespace {

using Seconds = std::chrono::duration<double>;
using Microseconds = std::chrono::duration<double, std::micro>;

double rate(const LoadReport& report) {
  return static_cast<double>(report.answers) / Seconds{report.elapsed}.count();
}
double percentile(const LoadReport& report, double share) {
  return Microseconds{report.latency.percentile(share)}.count();
}
double busy(const LoadReport& report) { return Seconds{report.cpu} / Seconds{report.elapsed}; }

constexpr std::size_t generated_requests = 4096;

std::string text_of(const RequestPool& pool) {
  std::string text;
  for (std::size_t i = 0; i < pool.size(); ++i) text += pool[i];
  return text;
}

std::string hits(Spread spread, std::uint64_t seed, std::size_t lines) {
  return text_of(scale_hits(make_scale_policy(seed, lines), spread, seed, generated_requests));
}

std::string generate(Product product, std::uint64_t seed, std::size_t lines) {
  switch (product) {
    case Product::policy: return to_policy_conf(make_scale_policy(seed, lines));
    case Product::postfwd: return to_postfwd(make_scale_policy(seed, lines));
    case Product::worst: return worst_policy_conf(lines);
    case Product::hits: return hits(Spread::skewed, seed, lines);
    case Product::scattered: return hits(Spread::even, seed, lines);
    case Product::misses: break;
  }
  return text_of(scale_misses(seed, generated_requests));
}

int failed(const std::string& reason) {
  fmt::print(stderr, "policymux bench: {}\n", reason);
  return 1;
}

}  // namespace

std::string format_report(const LoadReport& report) {
  return fmt::format(
      "requests/s  {:.0f}\n"
      "latency     p50 {:.1f} us, p99 {:.1f} us, p99.9 {:.1f} us\n"
      "answered    {} in {:.2f} s; failed {}, unanswered {}\n"
      "this client used {:.0f} % of a core\n",
      rate(report), percentile(report, .5), percentile(report, .99), percentile(report, .999), report.answers,
      Seconds{report.elapsed}.count(), report.failures, report.unanswered, 100 * busy(report));
}

std::string format_json(const LoadReport& report) {
  return fmt::format(
      R"({{"rate": {:.1f}, "p50": {:.2f}, "p99": {:.2f}, "p999": {:.2f}, "max": {:.2f}, "answers": {}, "all_answers": {}, )"
      R"("seconds": {:.4f}, "failures": {}, "unanswered": {}, "client_cpu": {:.3f}}})"
      "\n",
      rate(report), percentile(report, .5), percentile(report, .99), percentile(report, .999), percentile(report, 1),
      report.answers, report.all_answers, Seconds{report.elapsed}.count(), report.failures, report.unanswered,
      busy(report));
}

int bench_main(const BenchOptions& options) {
  if (options.generate) {
    fmt::print("{}", generate(*options.generate, options.load.seed, options.lines));
    return 0;
  }
  if (options.floor) return failed(run_floor(options.floor_options).error());
  const auto report = run_load(options.load);
  if (!report) return failed(report.error());
  fmt::print("{}", options.json ? format_json(*report) : format_report(*report));
  return report->failures + report->unanswered == 0 ? 0 : 1;
}

}  // namespace policymux

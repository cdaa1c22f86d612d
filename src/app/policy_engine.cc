#include <policymux/policy.h>

#include <chrono>
#include <utility>

#include "app/disk_files.h"
#include "proto/parser.h"
#include "rule/evaluate.h"
#include "rule/explain.h"
#include "rule/load.h"

namespace policymux {

struct PolicyEngine::Parts {
  Policy policy;
  Evaluator evaluator;
};

PolicyEngine::PolicyEngine(std::unique_ptr<Parts> parts) : parts_{std::move(parts)} {}
PolicyEngine::PolicyEngine(PolicyEngine&&) noexcept = default;
PolicyEngine& PolicyEngine::operator=(PolicyEngine&&) noexcept = default;
PolicyEngine::~PolicyEngine() = default;

Result<PolicyEngine, std::string> PolicyEngine::load(const std::string& path, const PolicyOptions& options) {
  DiskFiles files;
  auto loaded = load_policy(files, path, {.restriction_classes = options.restriction_classes,
                                          .recipient_delimiter = options.recipient_delimiter});
  if (!loaded.policy) {
    std::string mistakes;
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == Severity::error) mistakes += render(diagnostic);
    }
    return Unexpected{std::move(mistakes)};
  }
  auto table = compile(*loaded.policy);
  if (!table) return Unexpected{path + ": " + table.error() + "\n"};
  return PolicyEngine{std::make_unique<Parts>(Parts{*std::move(loaded.policy), Evaluator{*std::move(table)}})};
}

std::string_view PolicyEngine::evaluate(const Request& request) {
  Facts nobody_answers;
  nobody_answers.expire();
  return parts_->evaluator.evaluate(request, nobody_answers)->action();
}

std::string PolicyEngine::explain(const Request& request) {
  return to_text(policymux::explain(parts_->policy, parts_->evaluator, request));
}

std::size_t PolicyEngine::lines() const { return parts_->evaluator.table().lines.size(); }

Result<Request, std::string> parse_request(std::string& text) {
  while (!text.ends_with("\n\n") && !text.ends_with("\n\r\n")) text += '\n';
  RequestParser parser;
  if (parser.parse(text) != ParseStatus::complete) return Unexpected{std::string{to_string(parser.problem())}};
  parser.request().now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return std::move(parser.request());
}

}  // namespace policymux

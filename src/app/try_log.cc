#include "app/try_log.h"

#include <chrono>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "base/endpoint.h"

namespace policymux {
namespace {

// ADDRESS:PORT, or unix:/path.
std::string address_of(const Config::Service& service) {
  auto text = to_string(std::get<Endpoint>(service.address));
  if (text.starts_with("inet:")) text.erase(0, 5);
  return text;
}

}  // namespace

void TryLog::write(const TryReport& report) {
  if (!logger_.enabled(Level::info)) return;
  const auto& [service, figures, delay, action, failure] = report;
  const std::chrono::duration<double> seconds = delay;
  logger_.format(Level::info,
                 "[{}] ({}), prio: {}, weight: {}, queries: {}, answers: {}, failed: {}, delay: {:.3f}s, {}, "
                 "action: '{}'{}{}",
                 service.name, address_of(service), service.priority, service.weight, figures.requests,
                 figures.answers, figures.requests - figures.answers, seconds.count(), whom_, action,
                 failure.empty() ? "" : ", failure: ", failure);
}

std::unique_ptr<Asking> TryLog::ask(const Question& question, AnswerSink& sink, std::uint32_t token) {
  const auto& request = question.request;
  const auto text = [&request](Attribute attribute) { return request.text(attribute); };
  whom_ = fmt::format("client: {}[{}], helo: <{}>, from: <{}>, to: <{}>", text(Attribute::client_name),
                      text(Attribute::client_address), text(Attribute::helo_name), text(Attribute::sender),
                      text(Attribute::recipient));
  for (std::size_t i = 0; logger_.enabled(Level::debug) && i < request.size(); ++i) {
    logger_.format(Level::debug, "attribute: {}={}", request.name_at(i), request.value_at(i));
  }
  return services_->ask(question, sink, token);
}

}  // namespace policymux

#include "app/room_settings.h"

#include <algorithm>
#include <variant>

namespace policymux {
namespace {

// Of a worker: its socket, its standard error and the process; twice, while another one leaves.
std::size_t descriptors_for(const Config::Service& service) {
  const bool is_program = std::holds_alternative<Config::Command>(service.address);
  return is_program ? std::size_t{6} * service.workers.most : std::size_t{service.max_connections};
}

}  // namespace

DecideSettings decide_settings(const Config::Main& settings) {
  return {.timeout = settings.timeout,
          .deadline = settings.deadline,
          .prepend_once = settings.prepend_once,
          .log_decisions = settings.log_decisions};
}

SessionLimits session_limits(const Config::Main& settings) {
  SessionLimits limits;
  limits.request = {.max_request_bytes = settings.max_request_bytes, .max_attributes = settings.max_attributes};
  limits.request_timeout = settings.request_timeout;
  if (settings.idle_timeout) limits.idle_local = limits.idle_remote = *settings.idle_timeout;
  return limits;
}

std::size_t client_limit(const Config& config, std::size_t descriptors) {
  std::size_t others = 32;  // listeners, the loop, the log, lists that are read
  for (const auto& service : config.services) others += descriptors_for(service);
  const auto left = std::max(descriptors / 2, descriptors - std::min(descriptors, others));
  return std::min<std::size_t>(config.main.max_connections, std::max<std::size_t>(left, 1));
}

}  // namespace policymux

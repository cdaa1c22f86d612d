#include "app/services_report.h"

#include <nlohmann/json.hpp>

namespace policymux {
namespace {

using Json = nlohmann::ordered_json;

Json percentile(const LatencyHistogram& latency, double share) {
  const auto bound = latency.percentile(share);
  return bound ? Json(bound->count()) : Json();
}

Json json_of(const LatencyHistogram& latency) {
  const auto count = latency.total();
  return {{"count", count},
          {"mean_us", count == 0 ? Json() : Json(static_cast<std::uint64_t>(latency.sum().count()) / count)},
          {"p50_us", percentile(latency, 0.50)},
          {"p99_us", percentile(latency, 0.99)}};
}

Json json_of(const std::array<std::uint64_t, failure_count>& failures) {
  Json out = Json::object();
  for (std::size_t i = 0; i < failures.size(); ++i) out[failure_row(static_cast<Failure>(i)).name] = failures[i];
  return out;
}

Json json_of(const std::optional<WorkersSnapshot>& workers) {
  if (!workers) return Json();
  return {{"running", workers->running},
          {"busy", workers->busy},
          {"started", workers->started},
          {"failed", workers->failed}};
}

Json json_of(const ServiceSnapshot& service) {
  const auto& figures = service.figures;
  return {{"name", service.name},
          {"group", service.group},
          {"address", service.address},
          {"priority", service.priority},
          {"weight", service.weight},
          {"state", to_string(service.state)},
          {"reason", service.reason.empty() ? Json() : Json(service.reason)},
          {"retry_after_ms", service.retry_after.count()},
          {"connections", service.connections},
          {"in_flight", service.in_flight},
          {"queued", service.queued},
          {"requests", figures.requests},
          {"answers", figures.answers},
          {"failures", json_of(figures.failures)},
          {"replaced", figures.replaced},
          {"unasked", figures.unasked},
          {"switched_off", figures.switched_off},
          {"latency", json_of(figures.latency)},
          {"workers", json_of(service.workers)}};
}

Json json_of(const GroupSnapshot& group) {
  return {{"name", group.name},
          {"requests", group.requests},
          {"defaults", group.defaults},
          {"differences", group.differences}};
}

template <class Snapshot>
Json list_of(const std::vector<Snapshot>& all) {
  Json out = Json::array();
  for (const auto& one : all) out.push_back(json_of(one));
  return out;
}

}  // namespace

std::string to_json(const UpstreamSnapshot& snapshot) {
  const Json report{{"services", list_of(snapshot.services)}, {"groups", list_of(snapshot.groups)}};
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace policymux

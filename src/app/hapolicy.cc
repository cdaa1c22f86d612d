#include "app/hapolicy.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <policymux/action.h>

#include "base/text.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

constexpr std::string_view name = "hapolicy";
constexpr std::chrono::seconds total_time{90};
constexpr std::uint64_t any_number = std::numeric_limits<std::uint32_t>::max();

// Everything up to the next colon, taken off `rest` with it; "[...]" hides colons. nullopt: nothing is left.
std::optional<std::string_view> take_part(std::optional<std::string_view>& rest) {
  if (!rest) return std::nullopt;
  const auto text = *rest;
  const auto bracket = text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0;
  const auto colon = text.find(':', bracket);
  if (colon == text.npos) rest.reset();
  else rest = text.substr(colon + 1);
  return text.substr(0, colon);
}

// A port by number, or by its name in /etc/services.
std::optional<std::uint16_t> port_of(std::string_view text) {
  if (const auto number = parse_number(text)) {
    if (*number == 0 || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
  }
  const auto* entry = ::getservbyname(std::string{text}.c_str(), "tcp");
  if (entry == nullptr) return std::nullopt;
  return ntohs(static_cast<std::uint16_t>(entry->s_port));
}

Result<Endpoint, std::string> endpoint_of(std::string_view address, std::string_view port) {
  if (address == "unix") return parse_endpoint(fmt::format("unix:{}", port));
  const auto number = port_of(port);
  if (address.empty() || !number) return Problem{"want ADDRESS:PORT"};
  return parse_endpoint(fmt::format("inet:{}:{}", address, *number));
}

// Nothing, or 0: the default. nullopt: not a number, or too large a one.
std::optional<std::uint64_t> number_of(std::optional<std::string_view> part, std::uint64_t by_default,
                                       std::uint64_t most) {
  if (!part || part->empty()) return by_default;
  const auto number = parse_number(*part);
  if (!number || *number > most) return std::nullopt;
  return *number == 0 ? by_default : *number;
}

// hapolicy passes anything on; what Postfix would misunderstand is not for us to say.
std::string checked_default(const std::string& action, std::vector<std::string>& warnings) {
  const auto checked = check_action(action, {.foreign = true});
  if (checked) return checked->text;
  warnings.push_back(fmt::format("ignoring invalid default action {}: {}", in_quotes(action), checked.error()));
  return HapolicyOptions{}.default_action;
}

// Every request is asked about. A service that answers DUNNO has answered: then nothing is left to do, and that is the
// answer, whatever the default action says; only how the word is written is the default action's.
std::string policy_text(std::string_view default_action) {
  const bool dunno = verb_of(default_action) == Verb::dunno;
  return fmt::format("acl all score >=0\naction ask POLICY {}\naction default {}\naccess all ask\n", name,
                     dunno ? default_action.substr(0, default_action.find(' ')) : "DUNNO");
}

}  // namespace

Result<Config::Service, std::string> parse_hapolicy_service(std::string_view text) {
  const auto invalid = [text](std::string_view why) {
    return Problem{fmt::format("ignoring invalid service {}: {}", in_quotes(text), why)};
  };
  const auto equals = text.find('=');
  if (equals == 0 || equals == text.npos) return invalid("want NAME=ADDRESS:PORT");
  std::optional rest{text.substr(equals + 1)};
  const auto address = *take_part(rest);
  const auto port = take_part(rest);
  const auto endpoint = endpoint_of(address, port.value_or(""));
  if (!endpoint) return invalid(endpoint.error());
  const auto priority = number_of(take_part(rest), 10, any_number);
  const auto weight = number_of(take_part(rest), 1, 65535);
  const auto timeout = number_of(take_part(rest), 30, any_number);
  if (!priority || !weight || !timeout) return invalid("priority, weight and timeout are whole numbers");
  return Config::Service{.name = std::string{text.substr(0, equals)},
                         .address = *endpoint,
                         .group = std::string{name},
                         .priority = static_cast<std::uint32_t>(*priority),
                         .weight = static_cast<std::uint32_t>(*weight),
                         .timeout = std::chrono::seconds{*timeout}};
}

HapolicySetup hapolicy_setup(const HapolicyOptions& options) {
  HapolicySetup setup{.config = default_config()};
  auto& services = setup.config.services;
  for (const auto& text : options.services) {
    auto service = parse_hapolicy_service(text);
    if (!service) {
      setup.warnings.push_back(std::move(service).error());
      continue;
    }
    const auto same = std::ranges::find(services, service->name, &Config::Service::name);
    if (same == services.end()) services.push_back(*std::move(service));
    else *same = *std::move(service);
  }
  const auto default_action = checked_default(options.default_action, setup.warnings);
  setup.config.groups = {{.name = std::string{name}, .default_action = default_action, .deadline = total_time}};
  setup.config.main.deadline = total_time + std::chrono::seconds{1};  // the group's answer comes first
  setup.config.main.syslog_name = name;
  setup.config.main.log_level = options.verbose ? Level::debug : options.logging ? Level::info : Level::warning;
  setup.config.main.log_decisions = options.verbose ? LogDecisions::all : LogDecisions::none;
  setup.policy = policy_text(default_action);
  return setup;
}

}  // namespace policymux

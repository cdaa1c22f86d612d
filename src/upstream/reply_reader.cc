#include "upstream/reply_reader.h"

#include <utility>

#include "proto/reply.h"

namespace policymux {
namespace {

using Verdict = ReplyReader::Verdict;

Verdict judge(const Reply& reply, std::size_t received, std::span<const std::string> restriction_classes) {
  if (reply.extent > reply_limit) return {.failure = Failure::too_long};
  if (!reply.action) return {.failure = Failure::garbage};
  auto action = check_action(*reply.action, {.restriction_classes = restriction_classes, .foreign = true});
  if (!action) return {.failure = Failure::invalid_action, .detail = std::move(action).error()};
  return {.action = *std::move(action), .surplus = received > reply.extent};
}

}  // namespace

std::optional<Verdict> ReplyReader::read(std::string_view piece, std::span<const std::string> restriction_classes) {
  if (!begun_.empty()) piece = begun_.append(piece);
  std::optional<Verdict> verdict;
  if (const auto reply = parse_reply(piece)) {
    verdict = judge(*reply, piece.size(), restriction_classes);
  } else if (piece.size() > reply_limit) {
    verdict = Verdict{.failure = Failure::too_long};
  }
  if (verdict) begun_.clear();
  else if (begun_.empty()) begun_ = piece;
  return verdict;
}

}  // namespace policymux

using Mesh.Actors.Policy;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary><c>policy.set.v1</c> on <c>policy</c>: replaces the whole policy.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Text">The text as the admin wrote it, comments included.</param>
/// <param name="Document">What it means: rules are compiled from this, not from the text.</param>
public record PolicySet(string CommandId, string By, WallTime At, string Text, PolicyDocument Document) : INetworkEvent;

/// <summary><c>policy.set.v2</c> on <c>policy</c>: the same where <see cref="PolicyDocument.Approval"/> says whose machines wait; a
/// program that does not know of that must not go on without it.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Text">The text as the admin wrote it, comments included.</param>
/// <param name="Document">What it means.</param>
public sealed record PolicySetV2(string CommandId, string By, WallTime At, string Text, PolicyDocument Document)
    : PolicySet(CommandId, By, At, Text, Document);

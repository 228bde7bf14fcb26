using Mesh.Actors.Policy;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary><c>policy.set.v1</c> on <c>policy</c>: replaces the whole policy.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Text">The text as the admin wrote it, comments included.</param>
/// <param name="Document">What it means: rules are compiled from this, not from the text.</param>
public sealed record PolicySet(string CommandId, string By, WallTime At, string Text, PolicyDocument Document) : INetworkEvent;

using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Events;

/// <summary><c>network.created.v1</c> on <c>network</c>: fixes what never changes afterwards.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Network">The network.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Zone">The DNS zone of the names.</param>
/// <param name="Ipv4">The IPv4 range in CIDR text.</param>
/// <param name="Ipv6">The IPv6 range in CIDR text.</param>
public sealed record NetworkCreated(
    string CommandId, string By, WallTime At, NetworkId Network, SigningPublicKey RootKey, string Zone, string Ipv4, string Ipv6) : INetworkEvent;

/// <summary><c>controller.delegated.v1</c> on <c>network</c>: the root lets a controller speak, or renews that.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Controller">The controller.</param>
/// <param name="Delegation">The delegation as the root signed it.</param>
/// <param name="Addresses">Where the controller answers: <c>host:port</c>, in order of preference.</param>
public sealed record ControllerDelegated(
    string CommandId, string By, WallTime At, ControllerId Controller, DsseEnvelope Delegation, IReadOnlyList<string> Addresses) : INetworkEvent;

/// <summary>
/// <c>controller.delegated.v2</c> on <c>network</c>: the same, with the authority by which other controllers know the certificates that
/// this one issued.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Controller">The controller.</param>
/// <param name="Delegation">The delegation as the root signed it.</param>
/// <param name="Authority">The certificate of the controller's authority, in DER; the delegation names its key.</param>
/// <param name="Addresses">Where the controller answers: <c>host:port</c>, in order of preference.</param>
public sealed record ControllerDelegatedV2(
    string CommandId, string By, WallTime At, ControllerId Controller, DsseEnvelope Delegation, byte[] Authority,
    IReadOnlyList<string> Addresses) : INetworkEvent;

/// <summary><c>controller.withdrawn.v1</c> on <c>network</c>: nodes no longer believe the controller.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Controller">The controller.</param>
public sealed record ControllerWithdrawn(string CommandId, string By, WallTime At, ControllerId Controller) : INetworkEvent;

/// <summary><c>user.created.v1</c> on <c>user-NAME</c>.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Name">The user's name, which is also the user's id.</param>
public sealed record UserCreated(string CommandId, string By, WallTime At, string Name) : INetworkEvent;

/// <summary>
/// <c>network.restored.v1</c> on <c>network</c>: the network goes on from a backup, under a new epoch. What stands before is the backup; what
/// was decided after it was taken is lost.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Epoch">The new epoch: delegations of older ones are void.</param>
/// <param name="Controller">The controller that goes on, the first of the new epoch.</param>
/// <param name="Backup">SHA-256 over the backup.</param>
/// <param name="Revision">The newest revision in it.</param>
/// <param name="TakenAt">When it was taken.</param>
/// <param name="TakenBy">The controller that took and signed it.</param>
public sealed record NetworkRestored(
    string CommandId, string By, WallTime At, int Epoch, ControllerId Controller, Digest256 Backup, long Revision, WallTime TakenAt,
    ControllerId TakenBy) : INetworkEvent;

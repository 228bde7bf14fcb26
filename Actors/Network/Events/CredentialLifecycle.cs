using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary><c>credential.created.v1</c> on <c>credential-ID</c>.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential.</param>
/// <param name="SecretHash">SHA-256 over the 32-byte secret, which is kept nowhere.</param>
/// <param name="Owner">The user whose machine joins with it; absent where tags own it.</param>
/// <param name="Tags">The tags of the machine that joins with it, sorted, without prefix; empty where a user owns it.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
public sealed record CredentialCreated(
    string CommandId, string By, WallTime At, CredentialId Credential, Digest256 SecretHash, string? Owner, IReadOnlyList<string> Tags,
    WallTime ExpiresAt) : INetworkEvent;

/// <summary><c>credential.created.v2</c> on <c>credential-ID</c>: says how often it can be used, and what its machines are.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential.</param>
/// <param name="SecretHash">SHA-256 over the 32-byte secret, which is kept nowhere.</param>
/// <param name="Owner">The user whose machines join with it; absent where tags own them.</param>
/// <param name="Tags">The tags of the machines that join with it, sorted, without prefix; empty where a user owns them.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
/// <param name="Uses">How many machines can join with it.</param>
/// <param name="Ephemeral">Its machines are deleted when they have been away for some time.</param>
/// <param name="Approved">Its machines wait for no admin.</param>
public sealed record CredentialCreatedV2(
    string CommandId, string By, WallTime At, CredentialId Credential, Digest256 SecretHash, string? Owner, IReadOnlyList<string> Tags,
    WallTime ExpiresAt, int Uses, bool Ephemeral, bool Approved) : INetworkEvent;

/// <summary>
/// <c>credential.used.v1</c> on <c>credential-ID</c>: the commit point of an enrollment, once per machine. From here on the machine
/// belongs to the network, whatever crashes.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential.</param>
/// <param name="Node">The machine as it is enrolled.</param>
public sealed record CredentialUsed(string CommandId, string By, WallTime At, CredentialId Credential, EnrolledNode Node) : INetworkEvent;

/// <summary><c>credential.expired.v1</c> on <c>credential-ID</c>: written when the end of its time is first noticed.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential.</param>
public sealed record CredentialExpired(string CommandId, string By, WallTime At, CredentialId Credential) : INetworkEvent;

/// <summary><c>credential.revoked.v1</c> on <c>credential-ID</c>.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential.</param>
public sealed record CredentialRevoked(string CommandId, string By, WallTime At, CredentialId Credential) : INetworkEvent;

/// <summary>Describes a machine as it joins.</summary>
/// <param name="Id">The node's id.</param>
/// <param name="Name">Its name: one DNS label, unique in the network.</param>
/// <param name="SigningKey">Its Ed25519 key: its identity.</param>
/// <param name="TunnelKey">Its WireGuard static key.</param>
/// <param name="Ipv4">Its IPv4 address.</param>
/// <param name="Ipv6">Its IPv6 address.</param>
/// <param name="Owner">The user it belongs to; absent where tags own it.</param>
/// <param name="Tags">Its tags, sorted, without prefix.</param>
/// <param name="Hostname">The name that it wished for.</param>
/// <param name="Os">Its operating system as it reported it.</param>
/// <param name="Version">Its program's version as it reported it.</param>
public sealed record EnrolledNode(
    NodeId Id, string Name, SigningPublicKey SigningKey, TunnelPublicKey TunnelKey, string Ipv4, string Ipv6, string? Owner,
    IReadOnlyList<string> Tags, string Hostname, string Os, string Version);

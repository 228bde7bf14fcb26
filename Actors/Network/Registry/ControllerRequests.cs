using Mesh.Actors.Policy;
using Mesh.Actors.Projection;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>Says who wants something and under which id: the same command id is the same command, however often it arrives.</summary>
/// <param name="By"><c>admin:NAME</c>, <c>token:NAME</c>, <c>node:ID</c> or <c>system</c>; stored in every event.</param>
/// <param name="CommandId">Unique per command, at most 64 characters; stored in every event.</param>
public sealed record Cause(string By, string CommandId)
{
    /// <summary>Is the controller itself.</summary>
    public const string System = "system";

    /// <summary>Draws a command id.</summary>
    public static Cause Of(string by, IEntropy entropy) => new(by, EntityId.Create(entropy).ToString());
}

/// <summary>Fixes a new network.</summary>
/// <param name="Network">Its id.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Zone">The DNS zone of its names.</param>
/// <param name="Ipv4">Its IPv4 range as CIDR.</param>
/// <param name="Ipv6">Its IPv6 range as CIDR.</param>
public sealed record NetworkGenesis(
    NetworkId Network, SigningPublicKey RootKey, string Zone = "mesh.internal", string Ipv4 = "100.64.0.0/10", string? Ipv6 = null);

/// <summary>Asks for a credential: for a machine of a user, or for a machine that tags own.</summary>
/// <param name="Owner">The user; null where tags are given.</param>
/// <param name="Tags">The tags without prefix; empty where a user is given.</param>
/// <param name="Lifetime">How long it lasts; null: <see cref="ControllerOptions.CredentialLifetime"/>.</param>
/// <param name="Uses">How many machines can join with it.</param>
/// <param name="Ephemeral">Its machines are deleted when they have been away for some time.</param>
/// <param name="Approved">Its machines wait for no admin.</param>
public sealed record CredentialRequest(
    string? Owner, IReadOnlyList<string> Tags, TimeSpan? Lifetime = null, int Uses = 1, bool Ephemeral = false, bool Approved = false);

/// <summary>Is a new credential and the one string that joins a machine with it; the string is kept nowhere.</summary>
public sealed record IssuedCredential(CredentialView Credential, CredentialString Text);

/// <summary>Is a machine that was let in: everything of <see cref="EnrollReply"/> but the certificates.</summary>
/// <param name="Node">The node.</param>
/// <param name="Map">Its first map, in full.</param>
/// <param name="Again">Whether the same machine had been let in by the same credential before.</param>
public sealed record Enrolled(NodeView Node, MapFrame Map, bool Again);

/// <summary>Answers an enrollment.</summary>
/// <param name="Result">The machine, or why not.</param>
/// <param name="WrongSecret">
/// Whether the secret was tried and is not the credential's own, or there is no such credential. Only such attempts count towards
/// limits and lock-out; whoever has the right secret is told what is wrong with the credential.
/// </param>
public sealed record EnrollOutcome(Outcome<Enrolled> Result, bool WrongSecret);

/// <summary>Says how far a node is cut off.</summary>
/// <param name="Node">The node that was taken out.</param>
/// <param name="Name">Its name.</param>
/// <param name="Revision">The journal's ordering from which it no longer belongs to the network.</param>
/// <param name="Peers">How many nodes had it as a peer.</param>
/// <param name="Acknowledged">The names of those that act on a map without it, sorted.</param>
/// <param name="Elapsed">From the commit to the last acknowledgement.</param>
/// <param name="NotReached">Those that have not acknowledged, sorted by name.</param>
public sealed record RevocationProgress(
    NodeId Node, string Name, long Revision, int Peers, IReadOnlyList<string> Acknowledged, TimeSpan Elapsed,
    IReadOnlyList<PeerNotReached> NotReached);

/// <summary>Is a peer that may still talk to a revoked node.</summary>
/// <param name="Id">The peer.</param>
/// <param name="Name">Its name.</param>
/// <param name="Attached">Whether its control stream is open.</param>
/// <param name="ValidUntil">The last moment at which it can act on the old map, whatever happens.</param>
public sealed record PeerNotReached(NodeId Id, string Name, bool Attached, WallTime ValidUntil);

/// <summary>Says how many of the nodes that were attached to a controller know of a change.</summary>
/// <param name="Nodes">How many were attached.</param>
/// <param name="Told">How many of them act on a map with the change.</param>
/// <param name="Elapsed">From the commit to the last acknowledgement.</param>
public sealed record NodesTold(int Nodes, int Told, TimeSpan Elapsed);

/// <summary>Answers a change of the policy.</summary>
/// <param name="Document">The policy that was set.</param>
/// <param name="Problems">Warnings; they do not keep the policy from taking effect.</param>
public sealed record PolicyChanged(PolicyDocument Document, IReadOnlyList<PolicyProblem> Problems);

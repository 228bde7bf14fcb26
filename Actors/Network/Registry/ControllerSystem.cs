using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Sessions;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Registry;

/// <summary>
/// Is everything that a controller decides, behind one door: starts the actors in order, takes commands, opens control streams and
/// answers questions. A command that returns done is in the journal and seen by <see cref="Queries"/>. Safe for concurrent use.
/// </summary>
public sealed partial class ControllerSystem : IAsyncDisposable
{
    /// <summary>Gets the answers to questions.</summary>
    public NetworkQueries Queries => throw new NotImplementedException();

    /// <summary>Fixes a new network; refused where there is one.</summary>
    public Task<Outcome<Projection.NetworkIdentity>> InitializeAsync(NetworkGenesis genesis, Cause cause) => throw new NotImplementedException();

    /// <summary>Records that the network root lets a controller speak, or renews that, or changes its addresses.</summary>
    public Task<Outcome<Projection.ControllerView>> DelegateAsync(
        ControllerId controller, DsseEnvelope delegation, IReadOnlyList<string> addresses, Cause cause) => throw new NotImplementedException();

    /// <summary>Makes nodes no longer believe a controller; for ever.</summary>
    public Task<Outcome<Projection.ControllerView>> WithdrawAsync(ControllerId controller, Cause cause) => throw new NotImplementedException();

    /// <summary>Creates a user.</summary>
    public Task<Outcome<Projection.UserView>> CreateUserAsync(string name, Cause cause) => throw new NotImplementedException();

    /// <summary>Creates a one-time credential that names up to three controllers of the network; its secret is only in the answer.</summary>
    public Task<Outcome<IssuedCredential>> CreateCredentialAsync(CredentialRequest request, Cause cause) => throw new NotImplementedException();

    /// <summary>Revokes a credential that nobody has used.</summary>
    public Task<Outcome<Projection.CredentialView>> RevokeCredentialAsync(CredentialId credential, Cause cause) => throw new NotImplementedException();

    /// <summary>
    /// Lets a machine in, once per credential; the same machine gets the same answer again. The caller has checked that the
    /// certificate request can be signed, and limits attempts by <see cref="EnrollOutcome.SecretVerified"/>.
    /// </summary>
    public Task<EnrollOutcome> EnrollAsync(EnrollRequest request, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Reads a policy without setting it.</summary>
    public PolicyReading CheckPolicy(PolicySource? source) => throw new NotImplementedException();

    /// <summary>Replaces the policy.</summary>
    /// <param name="text">The text as the admin wrote it.</param>
    /// <param name="source">The same text as the YAML parser read it.</param>
    /// <param name="cause">Who and which command.</param>
    public Task<Outcome<PolicyChanged>> SetPolicyAsync(string text, PolicySource? source, Cause cause) => throw new NotImplementedException();

    /// <summary>Takes a node out and waits, at most as long as told, until its attached peers have acknowledged.</summary>
    public Task<Outcome<RevocationProgress>> RevokeNodeAsync(NodeId node, TimeSpan atMost, Cause cause) => throw new NotImplementedException();

    /// <summary>Takes a node out at its own wish.</summary>
    public Task<Outcome<Projection.NodeView>> LogoutAsync(NodeId node, Cause cause) => throw new NotImplementedException();

    /// <summary>Attaches a control stream whose node was authenticated; a stream that the node had before is closed as replaced.</summary>
    public ControlStreamHandle OpenStream(NodeId node, IControlStream stream) => throw new NotImplementedException();

    /// <summary>Closes every stream as <c>stopping</c> and stops the actors.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

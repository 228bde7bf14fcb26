using System.Security.Cryptography;
using Mesh.Actors.Enrollment;
using Mesh.Actors.Policy;
using Mesh.Actors.Projection;
using Mesh.Actors.Sessions;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Registry;

public sealed partial class ControllerSystem
{
    const int MaximumTags = 16;

    /// <summary>Fixes a new network; refused where there is one. Without an IPv6 range a ULA /48 (RFC 4193 section 3.2) is drawn.</summary>
    public async Task<Outcome<NetworkIdentity>> InitializeAsync(NetworkGenesis genesis, Cause cause)
    {
        var create = new CreateNetwork(cause, genesis.Network, genesis.RootKey, genesis.Zone, genesis.Ipv4, genesis.Ipv6 ?? DrawLocalPrefix());
        if (await DecideAsync(_singletons, "network", create) is { } refusal)
            return refusal;
        return _feed.Current.Network!;
    }

    /// <summary>Records that the network root lets a controller speak, or renews that, or changes its addresses.</summary>
    public async Task<Outcome<ControllerView>> DelegateAsync(
        ControllerId controller, DsseEnvelope delegation, byte[] authority, IReadOnlyList<string> addresses, Cause cause)
    {
        if (await DecideAsync(_singletons, "network", new DelegateController(cause, controller, delegation, authority, addresses)) is { } refusal)
            return refusal;
        return _feed.Current.Controllers[controller];
    }

    /// <summary>Makes nodes no longer believe a controller; for ever.</summary>
    public async Task<Outcome<ControllerView>> WithdrawAsync(ControllerId controller, Cause cause)
    {
        if (await DecideAsync(_singletons, "network", new WithdrawController(cause, controller)) is { } refusal)
            return refusal;
        return _feed.Current.Controllers[controller];
    }

    /// <summary>Withdraws a controller and waits, at most as long as told, until the nodes attached here know.</summary>
    public async Task<Outcome<NodesTold>> RemoveControllerAsync(ControllerId controller, TimeSpan atMost, Cause cause)
    {
        var outcome = await WithdrawAsync(controller, cause);
        if (!outcome.IsDone)
            return outcome.Refusal;
        try
        {
            return await _sessions.Ask<NodesTold>(new AwaitTold(controller, atMost), atMost + _options.CommandTimeout);
        }
        catch (AskTimeoutException)
        {
            return Refusal.Unavailable("the controller is withdrawn, but the nodes' acknowledgements");
        }
    }

    /// <summary>Creates a user.</summary>
    public async Task<Outcome<UserView>> CreateUserAsync(string name, Cause cause)
    {
        // The name becomes part of a persistence id: what is no name never gets that far.
        if (!Names.IsUser(name))
            return (Refusal)UserState.New.Decide(new CreateUser(cause, name), _clock.Now).Reply;
        if (await DecideAsync(_users, name, new CreateUser(cause, name)) is { } refusal)
            return refusal;
        return _feed.Current.Users[name];
    }

    /// <summary>Creates a credential that names up to three controllers of the network; its secret is only in the answer.</summary>
    public async Task<Outcome<IssuedCredential>> CreateCredentialAsync(CredentialRequest request, Cause cause)
    {
        var view = _feed.Current;
        if (view.Network is not { } network)
            return new Refusal(RefusalKind.Conflict, "no-network", "there is no network yet");
        if (Check(request, view) is { } problem)
            return new Refusal(RefusalKind.Invalid, "invalid", problem);
        var id = TypedId.Create<CredentialId>(_entropy);
        // Another order for every credential: machines that join together do not all come to one controller.
        var addresses = ControllerOrder.Addresses(
                id.Value, view.Controllers.Values.Where(one => !one.Withdrawn).Select(one => new ControllerEntry(one.Id, one.Addresses)))
            .Take(CredentialString.MaximumControllers)
            .ToList();
        while (addresses.Count > 1 && !CredentialString.Fits(addresses))
            addresses.RemoveAt(addresses.Count - 1);
        if (addresses.Count == 0)
            return new Refusal(RefusalKind.Conflict, "no-controller", "no controller of this network has an address yet");

        var secret = new byte[CredentialString.SecretSize];
        _entropy.Fill(secret);
        try
        {
            var text = CredentialString.Create(id, secret, Sha256.Hash(network.RootKey.Value.Span), addresses);
            var create = new CreateCredential(
                cause, id, Sha256.Hash(secret), request.Owner, [.. request.Tags.Order(StringComparer.Ordinal)],
                _clock.Now + (request.Lifetime ?? _options.CredentialLifetime), request.Uses, request.Ephemeral, request.Approved);
            if (await DecideAsync(_credentials, id.ToString(), create) is { } refusal)
                return refusal;
            return new IssuedCredential(_feed.Current.Credentials[id], text);
        }
        catch (ArgumentException tooLong)
        {
            return new Refusal(RefusalKind.Invalid, "invalid", tooLong.Message);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Revokes a credential that can still be used.</summary>
    public async Task<Outcome<CredentialView>> RevokeCredentialAsync(CredentialId credential, Cause cause)
    {
        if (await DecideAsync(_credentials, credential.ToString(), new RevokeCredential(cause, credential)) is { } refusal)
            return refusal;
        return _feed.Current.Credentials[credential];
    }

    /// <summary>Reads a policy without setting it.</summary>
    public PolicyReading CheckPolicy(PolicySource? source)
    {
        var view = _feed.Current;
        return PolicyReader.Read(source, view.Users.ContainsKey, name => view.FindByName(name) is not null);
    }

    /// <summary>Replaces the policy.</summary>
    /// <param name="text">The text as the admin wrote it.</param>
    /// <param name="source">The same text as the YAML parser read it.</param>
    /// <param name="cause">Who and which command.</param>
    public Task<Outcome<PolicyChanged>> SetPolicyAsync(string text, PolicySource? source, Cause cause) => SetPolicyAsync(text, CheckPolicy(source), cause);

    /// <summary>Replaces the policy.</summary>
    /// <param name="text">The text as the admin wrote it.</param>
    /// <param name="reading">What <see cref="CheckPolicy"/> said of the same text.</param>
    /// <param name="cause">Who and which command.</param>
    public async Task<Outcome<PolicyChanged>> SetPolicyAsync(string text, PolicyReading reading, Cause cause)
    {
        if (reading.Document is not { } document)
            return new Refusal(
                RefusalKind.Invalid, "invalid",
                reading.Problems.First(problem => problem.Severity == PolicySeverity.Error).ToString());
        if (await DecideAsync(_singletons, "policy", new SetPolicy(cause, text, document)) is { } refusal)
            return refusal;
        return new PolicyChanged(document, reading.Problems);
    }

    /// <summary>Takes a node out and waits, at most as long as told, until its attached peers have acknowledged.</summary>
    public async Task<Outcome<RevocationProgress>> RevokeNodeAsync(NodeId node, TimeSpan atMost, Cause cause)
    {
        if (await DecideAsync(_nodes, node.ToString(), new RevokeNode(cause, node)) is { } refusal)
            return refusal;
        FreeWhatItHad(node);
        try
        {
            return await _sessions.Ask<object>(new AwaitCut(node, atMost), atMost + _options.CommandTimeout) switch
            {
                RevocationProgress progress => progress,
                Refusal why => why,
                var other => throw new InvalidOperationException($"sessions answered {other.GetType().Name}"),
            };
        }
        catch (AskTimeoutException)
        {
            return Refusal.Unavailable("the node is revoked, but its peers' acknowledgements");
        }
    }

    /// <summary>Takes a node out at its own wish.</summary>
    public async Task<Outcome<NodeView>> LogoutAsync(NodeId node, Cause cause)
    {
        if (await DecideAsync(_nodes, node.ToString(), new LogOutNode(cause, node)) is { } refusal)
            return refusal;
        FreeWhatItHad(node);
        return _feed.Current.Nodes[node];
    }

    // Were this to end here, the tail would do it.
    void FreeWhatItHad(NodeId node)
    {
        var view = _feed.Current;
        if (view.PendingReleases.Contains(node))
            _singletons.Tell(TailActor.Release(view.Nodes[node]), _tail);
    }

    string? Check(CredentialRequest request, NetworkView view)
    {
        var lifetime = request.Lifetime ?? _options.CredentialLifetime;
        if (request.Owner is null && request.Tags.Count == 0)
            return "a credential is for a user or for tags: name one";
        if (request.Owner is not null && request.Tags.Count > 0)
            return "a credential is for a user or for tags, not for both: a tagged machine belongs to no user";
        if (request.Owner is { } owner && !view.Users.ContainsKey(owner))
            return $"there is no user '{owner}': create it with 'mesh-controller user create {owner}'";
        if (request.Tags.FirstOrDefault(tag => !Names.IsLabel(tag)) is { } wrong)
            return $"'{wrong}' is not a tag: lower-case letters, digits and '-' are";
        if (request.Tags.Count > MaximumTags || request.Tags.Distinct(StringComparer.Ordinal).Count() < request.Tags.Count)
            return $"a credential has at most {MaximumTags} tags, each once";
        if (request.Uses < 1 || request.Uses > _options.CredentialUsesMaximum)
            return $"a credential is for 1 to {_options.CredentialUsesMaximum} machines";
        if (request.Uses > 1 && lifetime > _options.ReusableLifetimeMaximum)
            return $"a credential for several machines lasts at most {_options.ReusableLifetimeMaximum.TotalHours:0} hours: whoever finds it could join for as long";
        return lifetime < TimeSpan.FromSeconds(1) || lifetime > _options.CredentialLifetimeMaximum
            ? $"a credential lasts from one second to {_options.CredentialLifetimeMaximum.TotalDays:0} days"
            : null;
    }

    string DrawLocalPrefix()
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        _entropy.Fill(bytes[1..6]);
        bytes[0] = 0xfd;
        return new System.Net.IPAddress(bytes) + "/48";
    }
}

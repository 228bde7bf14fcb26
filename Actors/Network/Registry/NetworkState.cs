using System.Collections.Immutable;
using Mesh.Actors.Enrollment;
using Mesh.Actors.Events;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Registry;

/// <summary>Fixes the network.</summary>
public sealed record CreateNetwork(Cause Cause, NetworkId Network, SigningPublicKey RootKey, string Zone, string Ipv4, string Ipv6) : IEntityCommand;

/// <summary>Goes on from a backup under a new epoch.</summary>
/// <param name="Cause">Who wants it.</param>
/// <param name="Epoch">The new epoch.</param>
/// <param name="Controller">The controller that goes on.</param>
/// <param name="Backup">SHA-256 over the backup.</param>
/// <param name="Revision">The newest revision in it.</param>
/// <param name="TakenAt">When it was taken.</param>
/// <param name="TakenBy">Who took it.</param>
public sealed record RestoreNetwork(
    Cause Cause, int Epoch, ControllerId Controller, Digest256 Backup, long Revision, WallTime TakenAt, ControllerId TakenBy) : IEntityCommand;

/// <summary>Records a delegation by the network root.</summary>
/// <param name="Cause">Who wants it.</param>
/// <param name="Controller">The controller.</param>
/// <param name="Delegation">The delegation as the root signed it.</param>
/// <param name="Authority">The certificate of the controller's authority in DER.</param>
/// <param name="Addresses">Where the controller answers: <c>host:port</c>, in order of preference.</param>
public sealed record DelegateController(
    Cause Cause, ControllerId Controller, DsseEnvelope Delegation, byte[] Authority, IReadOnlyList<string> Addresses) : IEntityCommand;

/// <summary>Withdraws a controller's delegation.</summary>
public sealed record WithdrawController(Cause Cause, ControllerId Controller) : IEntityCommand;

/// <summary>Forgets what had ended before a moment; see <see cref="HistoryPruned"/>.</summary>
public sealed record PruneHistory(Cause Cause, WallTime Before) : IEntityCommand;

/// <summary>Is the network itself and its controllers. Immutable.</summary>
public sealed record NetworkState : IEntityState<NetworkState>
{
    /// <summary>How long what has ended is kept at least: longer than any map or certificate lasts.</summary>
    public static readonly TimeSpan ShortestRetention = TimeSpan.FromDays(30);

    NetworkCreated? _created;
    ImmutableDictionary<ControllerId, Delegated> _delegated = ImmutableDictionary<ControllerId, Delegated>.Empty;
    int _epoch = 1;
    WallTime? _prunedBefore;
    ImmutableDictionary<ControllerId, ControllerWithdrawn> _withdrawn = ImmutableDictionary<ControllerId, ControllerWithdrawn>.Empty;
    WrittenCommands _written = WrittenCommands.None;

    NetworkState() { }

    /// <summary>Is the state before the first event.</summary>
    public static NetworkState New { get; } = new();

    /// <summary>Says no to a moment before which everything ended is not to be forgotten yet; null: it can be.</summary>
    public static Refusal? TooRecent(WallTime before, WallTime now) => now - before >= ShortestRetention
        ? null
        : new Refusal(
            RefusalKind.Invalid, "invalid",
            $"what ended in the last {ShortestRetention.TotalDays:0} days is kept: certificates and maps of that time may still be about");

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        _ when _written.Contain(command.Cause) => Decision.Answer(Accepted.Instance),
        CreateNetwork create => Decide(create, now),
        RestoreNetwork restore => Decide(restore, now),
        DelegateController delegation => Decide(delegation, now),
        WithdrawController withdraw => Decide(withdraw, now),
        PruneHistory prune => Decide(prune, now),
        _ => throw new ArgumentException($"the network does not know {command.GetType().Name}", nameof(command)),
    };

    /// <inheritdoc/>
    public NetworkState Apply(INetworkEvent happened) => Taken(happened) with { _written = _written.With(happened.CommandId) };

    NetworkState Taken(INetworkEvent happened) => happened switch
    {
        NetworkCreated one => this with { _created = one },
        ControllerDelegated one => this with { _delegated = _delegated.SetItem(one.Controller, new(one.Delegation, null, one.Addresses)) },
        ControllerDelegatedV2 one => this with { _delegated = _delegated.SetItem(one.Controller, new(one.Delegation, one.Authority, one.Addresses)) },
        HistoryPruned one => this with { _prunedBefore = one.Before },
        NetworkRestored one => this with { _epoch = one.Epoch },
        ControllerWithdrawn one => this with { _withdrawn = _withdrawn.SetItem(one.Controller, one) },
        _ => this,
    };

    Decision Decide(CreateNetwork create, WallTime now)
    {
        if (_created is not null)
            return Decision.Answer(new Refusal(RefusalKind.Conflict, "exists", $"the journal holds network {_created.Network} already"));
        if (!AddressRanges.IsValid(create.Ipv4, create.Ipv6, out var problem))
            return Decision.Answer(new Refusal(RefusalKind.Invalid, "invalid", problem));
        if (create.Zone.Length is 0 or > 200 || !create.Zone.Split('.').All(Names.IsLabel))
            return Decision.Answer(new Refusal(RefusalKind.Invalid, "invalid", $"'{create.Zone}' is not a DNS zone: write it like mesh.internal"));
        return Decision.Write(new NetworkCreated(
            create.Cause.CommandId, create.Cause.By, now, create.Network, create.RootKey, create.Zone, create.Ipv4, create.Ipv6));
    }

    Decision Decide(RestoreNetwork restore, WallTime now)
    {
        if (_created is null)
            return Decision.Answer(new Refusal(RefusalKind.Conflict, "no-network", "there is no network to restore"));
        return restore.Epoch > _epoch
            ? Decision.Write(new NetworkRestored(
                restore.Cause.CommandId, restore.Cause.By, now, restore.Epoch, restore.Controller, restore.Backup, restore.Revision,
                restore.TakenAt, restore.TakenBy))
            : Decision.Answer(new Refusal(RefusalKind.Conflict, "old-epoch", $"the network is in epoch {_epoch} already"));
    }

    Decision Decide(DelegateController command, WallTime now)
    {
        if (_created is null)
            return Decision.Answer(new Refusal(RefusalKind.Conflict, "no-network", "there is no network yet"));
        if (_withdrawn.ContainsKey(command.Controller))
            return Decision.Answer(new Refusal(RefusalKind.Conflict, "withdrawn", $"controller {command.Controller} was withdrawn, and that is for ever"));
        if (command.Addresses.FirstOrDefault(address => !CredentialString.IsControllerAddress(address)) is { } wrong)
            return Decision.Answer(new Refusal(RefusalKind.Invalid, "invalid", $"'{wrong}' is not a controller address: host:port is expected"));
        if (!command.Delegation.Verify(PayloadTypes.Delegation, _created.RootKey)
            || !ProtocolJson.TryDecode(command.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation)
            || delegation.Network != _created.Network || delegation.Controller != command.Controller)
            return Decision.Answer(new Refusal(RefusalKind.Denied, "foreign", "the delegation is not one by this network's root for this controller"));
        if (!CertificatePin.IsAuthority(command.Authority, delegation.AuthorityHash))
            return Decision.Answer(new Refusal(RefusalKind.Denied, "foreign", "the certificate authority is not the one that the delegation names"));
        if (delegation.Epoch < _epoch)
            return Decision.Answer(new Refusal(
                RefusalKind.Denied, "old-epoch",
                $"the delegation is of epoch {delegation.Epoch}, the network was restored and is in epoch {_epoch}: this controller must join again"));
        if (_delegated.GetValueOrDefault(command.Controller) is { } former && SameDelegation(former, command))
            return Decision.Answer(Accepted.Instance);
        return Decision.Write(new ControllerDelegatedV2(
            command.Cause.CommandId, command.Cause.By, now, command.Controller, command.Delegation, command.Authority, command.Addresses));
    }

    Decision Decide(WithdrawController withdraw, WallTime now)
    {
        if (!_delegated.ContainsKey(withdraw.Controller))
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no controller {withdraw.Controller}"));
        return _withdrawn.ContainsKey(withdraw.Controller)
            ? Decision.Answer(Accepted.Instance)
            : Decision.Write(new ControllerWithdrawn(withdraw.Cause.CommandId, withdraw.Cause.By, now, withdraw.Controller));
    }

    Decision Decide(PruneHistory prune, WallTime now)
    {
        if (_created is null)
            return Decision.Answer(new Refusal(RefusalKind.Conflict, "no-network", "there is no network yet"));
        if (TooRecent(prune.Before, now) is { } tooRecent)
            return Decision.Answer(tooRecent);
        return _prunedBefore >= prune.Before
            ? Decision.Answer(Accepted.Instance)
            : Decision.Write(new HistoryPruned(prune.Cause.CommandId, prune.Cause.By, now, prune.Before));
    }

    static bool SameDelegation(Delegated former, DelegateController command) =>
        former.Delegation.Payload.AsSpan().SequenceEqual(command.Delegation.Payload)
        && former.Authority is { } authority && authority.AsSpan().SequenceEqual(command.Authority)
        && former.Addresses.SequenceEqual(command.Addresses, StringComparer.Ordinal);

    // What was last recorded of a controller; without an authority by a version that did not record it.
    sealed record Delegated(DsseEnvelope Delegation, byte[]? Authority, IReadOnlyList<string> Addresses);
}

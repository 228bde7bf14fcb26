using System.Collections.Immutable;
using System.Security.Cryptography;
using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Enrollment;

/// <summary>Creates a credential.</summary>
public sealed record CreateCredential(
    Cause Cause, CredentialId Credential, Digest256 SecretHash, string? Owner, IReadOnlyList<string> Tags, WallTime ExpiresAt, int Uses = 1,
    bool Ephemeral = false, bool Approved = false) : IEntityCommand
{
    /// <summary>Prints the command without the secret's hash.</summary>
    public override string ToString() => $"create {Credential} ({Cause.CommandId})";
}

/// <summary>Revokes a credential that can still be used.</summary>
public sealed record RevokeCredential(Cause Cause, CredentialId Credential) : IEntityCommand;

/// <summary>Writes down that a credential's time is over, where it is.</summary>
public sealed record ExpireCredential(Cause Cause, CredentialId Credential) : IEntityCommand;

/// <summary>Presents a credential; answered by <see cref="Redeemed"/>.</summary>
public sealed record RedeemCredential(
    Cause Cause, CredentialId Credential, byte[] Secret, SigningPublicKey SigningKey, TunnelPublicKey TunnelKey, string Hostname, string Os,
    string Version) : IEntityCommand
{
    /// <summary>Prints the command without the secret.</summary>
    public override string ToString() => $"redeem {Credential} ({Cause.CommandId})";
}

/// <summary>Finishes a <see cref="RedeemCredential"/> with what was reserved for it.</summary>
public sealed record CommitRedemption(RedeemCredential Redeem, Reservation Reservation) : IEntityCommand
{
    /// <inheritdoc/>
    public Cause Cause => Redeem.Cause;
}

/// <summary>Answers a redemption.</summary>
/// <param name="Node">The machine that was let in; null where it was refused.</param>
/// <param name="Refusal">Why it was refused.</param>
/// <param name="WrongSecret">Whether the secret is wrong, or the credential unknown.</param>
/// <param name="Again">Whether the same machine was let in before.</param>
public sealed record Redeemed(EnrolledNode? Node, Refusal? Refusal = null, bool WrongSecret = false, bool Again = false);

/// <summary>Says that a redemption may go on once something is reserved: nothing is written yet.</summary>
/// <param name="Owner">The user the machine will belong to.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="Used">The nodes that joined with the credential.</param>
public sealed record ReservationNeeded(string? Owner, IReadOnlyList<string> Tags, IReadOnlyList<NodeId> Used);

/// <summary>
/// Is a credential: created, then used as often as it has uses, expired or revoked, and nothing after that. A machine that joined with
/// it gets the same answer again, whatever became of the credential, and that is no use. Immutable.
/// </summary>
public sealed record CredentialState : IEntityState<CredentialState>
{
    // What an unknown credential's secret is compared with, so that the answer takes as long as a wrong secret's.
    static readonly Digest256 NoHash = new(new byte[32]);

    CredentialCreatedV2? _created;
    ImmutableList<CredentialUsed> _uses = [];
    INetworkEvent? _end;

    CredentialState() { }

    /// <summary>Is the state before the first event.</summary>
    public static CredentialState New { get; } = new();

    /// <summary>Gets where the credential stands by its events; null where there is none.</summary>
    public CredentialStatus? Status => _end switch
    {
        CredentialExpired => CredentialStatus.Expired,
        CredentialRevoked => CredentialStatus.Revoked,
        _ => _created is null ? null : IsUsedUp ? CredentialStatus.Used : CredentialStatus.Created,
    };

    bool IsUsedUp => _created is not null && _uses.Count >= _created.Uses;

    /// <summary>Tells whether a node joined with this credential that has another identity.</summary>
    public bool IsOfAnother(NodeId node, SigningPublicKey identity) => _uses.Exists(use => use.Node.Id == node && use.Node.SigningKey != identity);

    /// <inheritdoc/>
    public CredentialState Apply(INetworkEvent happened) => happened switch
    {
        CredentialCreated one => this with
        {
            _created = new CredentialCreatedV2(
                one.CommandId, one.By, one.At, one.Credential, one.SecretHash, one.Owner, one.Tags, one.ExpiresAt, 1, false, false),
        },
        CredentialCreatedV2 created => this with { _created = created },
        CredentialUsed used => this with { _uses = _uses.Add(used) },
        CredentialExpired or CredentialRevoked => this with { _end = happened },
        _ => this,
    };

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        CreateCredential create => Decide(create, now),
        RevokeCredential revoke => Decide(revoke, now),
        ExpireCredential expire => IsOverdue(now) ? new([Expiry(expire.Cause, now)], Accepted.Instance) : Decision.Answer(Accepted.Instance),
        RedeemCredential redeem => Decide(redeem, null, now),
        CommitRedemption commit => Decide(commit.Redeem, commit.Reservation, now),
        _ => throw new ArgumentException($"a credential does not know {command.GetType().Name}", nameof(command)),
    };

    Decision Decide(CreateCredential create, WallTime now)
    {
        if (_created is not null)
            return Decision.Answer(_created.CommandId == create.Cause.CommandId
                ? Accepted.Instance
                : new Refusal(RefusalKind.Conflict, "exists", $"there is a credential {create.Credential} already"));
        return Decision.Write(new CredentialCreatedV2(
            create.Cause.CommandId, create.Cause.By, now, create.Credential, create.SecretHash, create.Owner, create.Tags, create.ExpiresAt,
            create.Uses, create.Ephemeral, create.Approved));
    }

    Decision Decide(RevokeCredential revoke, WallTime now)
    {
        if (_created is null)
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no credential {revoke.Credential}"));
        if (IsOverdue(now))
            return new([Expiry(revoke.Cause, now)], Ended("expired"));
        return _end switch
        {
            null when IsUsedUp => Decision.Answer(new Refusal(
                RefusalKind.Conflict, RefusalCodes.Used,
                _uses.Count == 1
                    ? $"credential {revoke.Credential} was used by {_uses[0].Node.Name} already: revoke the node to take it out"
                    : $"credential {revoke.Credential} was used by {_uses.Count} machines already: revoke the nodes to take them out")),
            null => Decision.Write(new CredentialRevoked(revoke.Cause.CommandId, revoke.Cause.By, now, revoke.Credential)),
            CredentialRevoked revoked when revoked.CommandId == revoke.Cause.CommandId => Decision.Answer(Accepted.Instance),
            CredentialExpired => Decision.Answer(Ended("expired")),
            _ => Decision.Answer(Ended("revoked")),
        };

        Refusal Ended(string how) => new(RefusalKind.Conflict, "credential-" + how, $"credential {revoke.Credential} is {how} already");
    }

    Decision Decide(RedeemCredential redeem, Reservation? reservation, WallTime now)
    {
        var expected = (_created?.SecretHash ?? NoHash).Value;
        var presented = Sha256.Hash(redeem.Secret).Value;
        var matches = CryptographicOperations.FixedTimeEquals(expected.Span, presented.Span);
        if (!matches || _created is null)
            return Decision.Answer(new Redeemed(null, Refused(RefusalCodes.Unknown, "this credential is not known: check that it was copied whole"), WrongSecret: true));
        if (_uses.Find(use => use.Node.SigningKey == redeem.SigningKey) is { } own)
            return Decision.Answer(new Redeemed(own.Node, Again: own.CommandId != redeem.Cause.CommandId));
        if (IsOverdue(now))
            return new([Expiry(redeem.Cause with { By = Cause.System }, now)], Expired());
        switch (_end)
        {
            case null when IsUsedUp:
                return Decision.Answer(new Redeemed(null, Refused(RefusalCodes.Used, _created.Uses == 1
                    ? $"this credential was used at {_uses[0].At} by another machine: ask for a new one"
                    : $"this credential was used by {_uses.Count} machines, as many as it is for: ask for a new one")));
            case null when reservation is null:
                return Decision.Answer(new ReservationNeeded(_created.Owner, _created.Tags, [.. _uses.Select(use => use.Node.Id)]));
            case null:
                var node = new EnrolledNode(
                    reservation.Node, reservation.Name, redeem.SigningKey, redeem.TunnelKey, reservation.Ipv4, reservation.Ipv6,
                    _created.Owner, _created.Tags, redeem.Hostname, redeem.Os, redeem.Version);
                return new([new CredentialUsed(redeem.Cause.CommandId, $"node:{node.Id}", now, redeem.Credential, node)], new Redeemed(node));
            case CredentialExpired:
                return Decision.Answer(Expired());
            default:
                return Decision.Answer(new Redeemed(null, Refused(RefusalCodes.Revoked, $"this credential was revoked at {_end.At}: ask for a new one")));
        }

        Redeemed Expired() => new(null, Refused(RefusalCodes.Expired, $"this credential expired at {_created.ExpiresAt}: ask for a new one"));
    }

    bool IsOverdue(WallTime now) => _end is null && _created is not null && !IsUsedUp && now > _created.ExpiresAt;

    CredentialExpired Expiry(Cause cause, WallTime now) => new(cause.CommandId, cause.By, now, _created!.Credential);

    static Refusal Refused(string code, string message) => new(RefusalKind.Denied, code, message);
}

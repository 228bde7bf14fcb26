using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Enrollment;

/// <summary>Is what every credential needs beside its own state.</summary>
/// <param name="Clock">The clock.</param>
/// <param name="Entropy">Draws node ids.</param>
/// <param name="Options">The options.</param>
/// <param name="Allocations">Takes an <see cref="EntityRequest"/> for <c>allocations</c>.</param>
/// <param name="Feed">Gives the network's ranges and nodes.</param>
sealed record CredentialServices(IClock Clock, IEntropy Entropy, ControllerOptions Options, IActorRef Allocations, NetworkViewFeed Feed);

/// <summary>
/// Is one credential. A redemption is decided in two steps: secret and state first, then a reservation by <c>allocations</c>, then
/// the one event that commits. Everything else waits in between, so that of many machines at once one gets in. Supervises nothing; a
/// failure before the commit leaves at most a reservation, which the next attempt takes over.
/// </summary>
sealed class CredentialActor : EntityActor<CredentialState>
{
    readonly CredentialServices _services;
    readonly Queue<EntityDelivery> _waiting = new();
    EntityDelivery? _redeeming;

    public CredentialActor(string id, CredentialServices services)
        : base(id, "credential-" + id, CredentialState.New, services.Clock, services.Options)
    {
        _services = services;
        Command<Reserved>(On);
    }

    protected override void On(EntityDelivery delivery)
    {
        if (_redeeming is not null)
        {
            _waiting.Enqueue(delivery);
            return;
        }
        var decision = State.Decide(delivery.Command, Clock.Now);
        if (decision.Reply is ReservationNeeded needed && delivery.Command is RedeemCredential redeem)
        {
            Reserve(delivery, redeem, needed);
            return;
        }
        Carry(delivery, decision, static () => { });
        // Ids that somebody makes up must not fill the memory with entities that do not exist.
        if (State.Status is null && decision.Events.Count == 0)
            GoIdle();
    }

    void Reserve(EntityDelivery delivery, RedeemCredential redeem, ReservationNeeded needed)
    {
        var view = _services.Feed.Current;
        if (view.Network is not { } network)
        {
            Answer(delivery, new Redeemed(null, Refusal.Unavailable("enrollment")));
            return;
        }
        var present = view.FindByTunnelKey(redeem.TunnelKey).ToLookup(id => view.Nodes[id].Node.SigningKey == redeem.SigningKey);
        if (present[false].Any())
        {
            Answer(delivery, new Redeemed(null, AllocationState.KeyIsInUse));
            return;
        }
        var own = view.FindByIdentity(redeem.SigningKey);
        if (own is not null && EnrollmentRules.CheckOwner(own.Node, needed.Owner) is { } foreign)
        {
            Answer(delivery, new Redeemed(null, foreign));
            return;
        }
        _redeeming = delivery;
        Reserve(new ReserveAllocation(
            redeem.Cause, redeem.Credential, TypedId.Create<NodeId>(_services.Entropy), redeem.Hostname, redeem.SigningKey, redeem.TunnelKey,
            needed.Owner, needed.Tags, new AddressRanges(network.Ipv4, network.Ipv6), Used: needed.Used, Registered: own?.Id));
    }

    void Reserve(ReserveAllocation reserve)
    {
        var number = _redeeming!.Number;
        _services.Allocations
            .Ask<object>(new EntityRequest("allocations", reserve), _services.Options.CommandTimeout / 2)
            .PipeTo(
                Self,
                success: reply => new Reserved(number, reserve, reply),
                failure: _ => new Reserved(number, reserve, Refusal.Unavailable("enrollment")));
    }

    void On(Reserved reserved)
    {
        if (_redeeming is not { } delivery || delivery.Number != reserved.Number)
            return;
        if (reserved.Reply is not Reservation reservation)
        {
            Answer(delivery, new Redeemed(null, reserved.Reply as Refusal ?? Refusal.Unavailable("enrollment")));
            GoOn();
            return;
        }
        // Where two controllers raced for one credential, what was set aside for the loser's machine went to the winner's.
        var identity = reserved.Request.SigningKey;
        if (!reserved.Request.Anew && (State.IsOfAnother(reservation.Node, identity)
            || _services.Feed.Current.Nodes.GetValueOrDefault(reservation.Node) is { } known && known.Node.SigningKey != identity))
        {
            Reserve(reserved.Request with { Anew = true });
            return;
        }
        Carry(delivery, State.Decide(new CommitRedemption((RedeemCredential)delivery.Command, reservation), Clock.Now), GoOn);
    }

    void GoOn()
    {
        _redeeming = null;
        while (_waiting.TryDequeue(out var next))
            Self.Tell(next);
    }

    sealed record Reserved(long Number, ReserveAllocation Request, object Reply);
}

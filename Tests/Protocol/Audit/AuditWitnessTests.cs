using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Protocol.Trust;
using static Mesh.Tests.Protocol.Trust.TrustExample;

namespace Mesh.Tests.Protocol.Audit;

/// <summary>What a node makes of the histories that controllers show it.</summary>
public sealed class AuditWitnessTests
{
    readonly TrustExample _example = new();

    [Fact]
    public void The_head_advances_with_a_controller_that_agrees_and_with_no_other()
    {
        var trust = Accept(_example.Fresh(), 10, Head(10));
        Assert.Equal(Head(10), trust.Audit!.Held);
        trust = Accept(trust, 11, Head(11));
        Assert.Equal(Head(11), trust.Audit!.Held);

        // A new stream: until it is known that its controller agrees, its heads prove nothing.
        trust = Attach(trust);
        trust = Accept(trust, 12, Head(12));
        trust = Accept(trust, 13, Head(13));
        Assert.Equal((Head(11), null), (trust.Audit!.Held, trust.Audit.Dispute));
        trust = Hear(trust, Answer(11, Head(11), Head(13)));
        Assert.Equal((Head(13), null), (trust.Audit!.Held, trust.Audit.Dispute));
        trust = Accept(trust, 14, Head(14));
        Assert.Equal(Head(14), trust.Audit!.Held);
        // The same head again is agreement too.
        trust = Accept(Attach(trust), 14, Head(14));
        Assert.Equal(Head(15), Accept(trust, 15, Head(15)).Audit!.Held);
    }

    [Fact]
    public void A_database_that_was_rolled_back_is_noticed_while_it_is_behind_and_after_it_has_grown_beyond()
    {
        var trust = Attach(Accept(_example.Fresh(), 10, Head(10)));
        var behind = Hear(trust, Answer(10, Head(7), Head(7)));
        Assert.Equal((true, Head(10), Head(7)), (behind.Audit!.Dispute!.IsShorter, behind.Audit.Dispute.Held, behind.Audit.Dispute.Shown));

        // Its maps are newer than this node's: they are taken in, the head is not.
        var beyond = Accept(trust, 12, Head(12, fork: 1));
        beyond = Hear(beyond, Answer(10, Head(10, fork: 1), Head(12, fork: 1)));
        Assert.Equal((false, Head(10)), (beyond.Audit!.Dispute!.IsShorter, beyond.Audit.Held));
        beyond = Accept(beyond, 13, Head(13, fork: 1));
        Assert.Equal(Head(10), beyond.Audit!.Held);
        // Nothing at that ordering, though it has grown beyond: as bad.
        Assert.False(Hear(trust, Answer(10, Head(9), Head(12, fork: 1))).Audit!.Dispute!.IsShorter);

        // It is still there after the next attach, and over when the true history is back.
        beyond = Hear(Attach(beyond), Answer(10, Head(10, fork: 1), Head(14, fork: 1)));
        Assert.NotNull(beyond.Audit!.Dispute);
        beyond = Hear(Attach(beyond), Answer(10, Head(10), Head(14)));
        Assert.Null(beyond.Audit!.Dispute);
    }

    [Fact]
    public void The_same_ordering_with_another_digest_needs_no_answer()
    {
        var trust = Accept(Attach(Accept(_example.Fresh(), 10, Head(10))), 10, Head(10, fork: 1));
        Assert.Equal((Head(10), Head(10, fork: 1)), (trust.Audit!.Dispute!.Held, trust.Audit.Dispute.Shown));
        Assert.Equal(Controller, trust.Audit.Dispute.Controller);
    }

    [Fact]
    public void A_new_epoch_begins_a_new_history()
    {
        var trust = Hear(Attach(Accept(_example.Fresh(), 10, Head(10))), Answer(10, Head(7)));
        Assert.NotNull(trust.Audit!.Dispute);
        Assert.Equal(TrustRefusal.None, trust.TryAccept(
            _example.Frame(Full(), 8, 2, head => head with { Audit = Head(8, fork: 2) }, _example.Signed(_example.Delegation() with { Epoch = 2 })), Now, out trust));
        Assert.Equal((Head(8, fork: 2), null), (trust.Audit!.Held, trust.Audit.Dispute));
    }

    [Fact]
    public void A_controller_without_the_chain_is_followed_as_before()
    {
        var trust = Accept(_example.Fresh(), 10, null);
        Assert.Null(trust.Audit);
        trust = Accept(trust, 11, Head(11));
        trust = Accept(Attach(trust), 12, null);
        Assert.Equal((12L, Head(11)), (trust.Revision, trust.Audit!.Held));
    }

    [Fact]
    public void An_answer_is_judged_as_a_map_is()
    {
        var trust = Attach(Accept(_example.Fresh(), 10, Head(10)));
        var good = Answer(10, Head(7));
        using var stranger = new SigningPrivateKey([.. Enumerable.Repeat((byte)9, 32)]);
        Assert.Equal(TrustRefusal.BadSignature, Refuse(trust, Answer(10, Head(7), by: stranger)));
        Assert.Equal(TrustRefusal.ForeignDelegation, Refuse(trust, good with { Delegation = _example.Signed(_example.Delegation(), stranger) }));
        Assert.Equal(TrustRefusal.DelegationNotValid, Refuse(trust, good with { Delegation = _example.Signed(_example.Delegation() with { Rights = [] }) }));
        Assert.Equal(TrustRefusal.NotForThisNode, Refuse(trust, Answer(10, Head(7), change: one => one with { Network = new NetworkId(Id(9)) })));
        Assert.Equal(TrustRefusal.UnopenedEpoch, Refuse(trust, Answer(10, Head(7), change: one => one with { Epoch = 2 })));
        Assert.Equal(TrustRefusal.Expired, Refuse(trust, Answer(10, Head(7), change: one => one with { Issued = Now - TimeSpan.FromMinutes(11) })));
        Assert.Equal(TrustRefusal.FromTheFuture, Refuse(trust, Answer(10, Head(7), change: one => one with { Issued = Now + TimeSpan.FromMinutes(2) })));
        // A map head is no answer, and an answer about another head says nothing.
        Assert.Equal(TrustRefusal.BadSignature, Refuse(trust, good with { Answer = _example.Frame(Full()).Head }));
        Assert.Null(Hear(trust, Answer(9, Head(9, fork: 1))).Audit!.Dispute);
    }

    static MapLeaf Full() => new(Laptop, Full: Body());

    static AuditHead Head(long ordering, byte fork = 0) => new(ordering, ordering, new Digest256([.. Enumerable.Repeat((byte)ordering, 31), fork]));

    static MapTrust Attach(MapTrust trust) => trust with { Audit = trust.Audit?.Attach() };

    AuditFrame Answer(
        long ordering, AuditHead at, AuditHead? tip = null, Func<AuditAnswer, AuditAnswer>? change = null, SigningPrivateKey? by = null)
    {
        var answer = new AuditAnswer(Network, 1, ordering, at, tip ?? at, Now);
        return new AuditFrame(
            DsseEnvelope.Sign(
                PayloadTypes.AuditAnswer, ProtocolJson.Encode(change?.Invoke(answer) ?? answer, ProtocolJson.Default.AuditAnswer),
                by ?? _example.ControllerKey, Controller.ToString()),
            _example.Signed(_example.Delegation()));
    }

    MapTrust Accept(MapTrust trust, long revision, AuditHead? audit)
    {
        Assert.Equal(TrustRefusal.None, trust.TryAccept(_example.Frame(Full(), revision, change: head => head with { Audit = audit }), Now, out var next));
        return next;
    }

    static MapTrust Hear(MapTrust trust, AuditFrame answer)
    {
        Assert.Equal(TrustRefusal.None, trust.TryHear(answer, Now, out var next));
        return next;
    }

    static TrustRefusal Refuse(MapTrust trust, AuditFrame answer)
    {
        var refusal = trust.TryHear(answer, Now, out var next);
        Assert.Same(trust, next);
        return refusal;
    }
}

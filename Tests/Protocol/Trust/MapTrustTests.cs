using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using static Mesh.Tests.Protocol.Trust.TrustExample;

namespace Mesh.Tests.Protocol.Trust;

public sealed class MapTrustTests
{
    readonly TrustExample _example = new();

    static MapLeaf Full(params PeerEntry[] peers) => new(Laptop, Full: Body(peers));

    [Fact]
    public void A_full_map_then_a_delta_then_a_renewal()
    {
        var trust = Accept(_example.Fresh(), _example.Frame(Full()));
        Assert.Empty(trust.Body!.Peers);
        var to = Body(Peer());
        trust = Accept(trust, _example.Frame(new MapLeaf(Laptop, Delta: MapChange.Between(trust.Body, to)), 11));
        Assert.Equal(MapChange.Hash(to), MapChange.Hash(trust.Body!));
        trust = Accept(trust, _example.Frame(new MapLeaf(Laptop, Renewal: new MapRenewal(MapChange.Hash(to))), 12));
        Assert.Equal(12, trust.Revision);
        trust = Accept(trust, _example.Frame(new MapLeaf(Laptop, Delta: MapChange.Between(to, Body())), 13));
        Assert.Empty(trust.Body!.Peers);
    }

    [Fact]
    public void A_removal_ends_validity_and_a_new_full_map_begins_it_again()
    {
        var trust = Accept(_example.Fresh(), _example.Frame(Full()));
        trust = Accept(trust, _example.Frame(new MapLeaf(Laptop, Removal: new MapRemoval("revoked")), 11));
        Assert.Equal("revoked", trust.Removed);
        Assert.False(trust.IsValid(Now));
        trust = Accept(trust, _example.Frame(Full(), 12));
        Assert.True(trust.IsValid(Now));
    }

    [Fact]
    public void Every_flipped_bit_of_the_signed_parts_is_refused()
    {
        var frame = _example.Frame(Full(Peer()));
        foreach (var (part, with) in new (byte[], Func<byte[], MapFrame>)[]
        {
            (frame.Leaf, bytes => frame with { Leaf = bytes }),
            (frame.Head.Payload, bytes => frame with { Head = frame.Head with { Payload = bytes } }),
            (frame.Head.Signatures[0].Sig, bytes => frame with { Head = frame.Head with { Signatures = [new("", bytes)] } }),
            (frame.Delegation.Payload, bytes => frame with { Delegation = frame.Delegation with { Payload = bytes } }),
            (frame.Delegation.Signatures[0].Sig, bytes => frame with { Delegation = frame.Delegation with { Signatures = [new("", bytes)] } }),
        })
        {
            for (var i = 0; i < part.Length; i++)
            {
                var changed = part.ToArray();
                changed[i] ^= (byte)(1 << (i % 8));
                Refuse(_example.Fresh(), with(changed));
            }
        }
    }

    [Fact]
    public void Another_index_or_path_is_refused()
    {
        var frame = _example.Frame(Full());
        Assert.Equal(TrustRefusal.WrongPath, Refuse(_example.Fresh(), frame with { Index = 0 }));
        Assert.Equal(TrustRefusal.WrongPath, Refuse(_example.Fresh(), frame with { Path = [] }));
        Assert.Equal(TrustRefusal.WrongPath, Refuse(_example.Fresh(), frame with { Path = [.. frame.Path.Reverse()] }));
    }

    [Fact]
    public void Another_nodes_leaf_and_another_network_are_refused()
    {
        var body = Body() with { Self = Body().Self with { Id = Server } };
        Assert.Equal(TrustRefusal.NotForThisNode, Refuse(_example.Fresh(), _example.Frame(new MapLeaf(Server, Full: body))));
        Assert.Equal(TrustRefusal.NotForThisNode, Refuse(_example.Fresh(), _example.Frame(new MapLeaf(Laptop, Full: body))));
        Assert.Equal(TrustRefusal.NotForThisNode,
            Refuse(_example.Fresh(), _example.Frame(Full(), change: head => head with { Network = new NetworkId(Id(9)) })));
    }

    [Fact]
    public void Revisions_never_go_backwards_within_an_epoch()
    {
        var trust = Accept(_example.Fresh(), _example.Frame(Full(), 10));
        Assert.Equal(TrustRefusal.OlderRevision, Refuse(trust, _example.Frame(Full(), 9)));
        Assert.Equal(TrustRefusal.UnopenedEpoch, Refuse(trust, _example.Frame(Full(), 1, epoch: 2)));
        var opened = _example.Signed(_example.Delegation() with { Epoch = 2 });
        trust = Accept(trust, _example.Frame(Full(), 1, epoch: 2, delegation: opened));
        Assert.Equal((2, 1L), (trust.Epoch, trust.Revision));
        Assert.NotEqual(TrustRefusal.None, Refuse(trust, _example.Frame(Full(), 99)));
    }

    [Fact]
    public void Times_are_judged()
    {
        var fresh = _example.Fresh();
        var frame = _example.Frame(Full());
        Assert.Equal(TrustRefusal.Expired, Refuse(fresh, frame, Now + TimeSpan.FromMinutes(11)));
        Assert.Equal(TrustRefusal.FromTheFuture, Refuse(fresh, frame, Now - TimeSpan.FromMinutes(2)));
        Accept(fresh, frame, Now - TimeSpan.FromSeconds(80));
        var trust = Accept(fresh, frame);
        Assert.True(trust.IsValid(Now + TimeSpan.FromDays(7)));
        Assert.False(trust.IsValid(Now + TimeSpan.FromDays(7) + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void A_clock_set_back_does_not_bring_an_expired_map_back()
    {
        var trust = Accept(_example.Fresh(), _example.Frame(Full()));
        trust = trust with { ValidUntil = Now - TimeSpan.FromSeconds(1) };
        Assert.False(trust.IsValid(Now - TimeSpan.FromDays(1)));
    }

    [Fact]
    public void Delegations_are_judged()
    {
        var fresh = _example.Fresh();
        using var stranger = new SigningPrivateKey(Enumerable.Repeat((byte)9, 32).ToArray());
        var delegation = _example.Delegation();
        MapFrame With(DsseEnvelope envelope) => _example.Frame(Full(), delegation: envelope);

        Assert.Equal(TrustRefusal.ForeignDelegation, Refuse(fresh, With(_example.Signed(delegation, stranger))));
        Assert.Equal(TrustRefusal.ForeignDelegation, Refuse(fresh, With(_example.Signed(delegation with { Network = new NetworkId(Id(8)) }))));
        Assert.Equal(TrustRefusal.DelegationNotValid, Refuse(fresh, With(_example.Signed(delegation with { NotAfter = Now - TimeSpan.FromSeconds(1) }))));
        Assert.Equal(TrustRefusal.DelegationNotValid, Refuse(fresh, With(_example.Signed(delegation with { NotBefore = Now + TimeSpan.FromSeconds(1) }))));
        Assert.Equal(TrustRefusal.DelegationNotValid, Refuse(fresh, With(_example.Signed(delegation with { Rights = [DelegationRights.IssueCertificates] }))));
        Assert.Equal(TrustRefusal.BadSignature, Refuse(fresh, _example.Frame(Full(), by: stranger)));

        var withdrawn = Accept(fresh, _example.Frame(new MapLeaf(Laptop, Full: Body() with { Withdrawn = [Controller] })));
        Assert.Equal(TrustRefusal.DelegationWithdrawn, Refuse(withdrawn, _example.Frame(Full(), 11)));
    }

    [Fact]
    public void A_delta_or_renewal_of_another_body_is_refused()
    {
        var trust = Accept(_example.Fresh(), _example.Frame(Full()));
        var foreign = MapChange.Between(Body(Peer(5)), Body(Peer(6)))!;
        Assert.Equal(TrustRefusal.WrongBase, Refuse(trust, _example.Frame(new MapLeaf(Laptop, Delta: foreign), 11)));
        var lying = MapChange.Between(Body(), Body(Peer()))! with { ResultHash = foreign.ResultHash };
        Assert.Equal(TrustRefusal.WrongBase, Refuse(trust, _example.Frame(new MapLeaf(Laptop, Delta: lying), 11)));
        Assert.Equal(TrustRefusal.WrongBase, Refuse(trust, _example.Frame(new MapLeaf(Laptop, Renewal: new MapRenewal(foreign.BaseHash)), 11)));
        Assert.Equal(TrustRefusal.WrongBase, Refuse(_example.Fresh(), _example.Frame(new MapLeaf(Laptop, Delta: foreign))));
    }

    [Fact]
    public void A_leaf_says_exactly_one_thing()
    {
        Assert.Equal(TrustRefusal.Malformed, Refuse(_example.Fresh(), _example.Frame(new MapLeaf(Laptop))));
        Assert.Equal(TrustRefusal.Malformed,
            Refuse(_example.Fresh(), _example.Frame(new MapLeaf(Laptop, Full: Body(), Removal: new MapRemoval("revoked")))));
    }

    static MapTrust Accept(MapTrust trust, MapFrame frame, WallTime? clock = null)
    {
        Assert.Equal(TrustRefusal.None, trust.TryAccept(frame, clock ?? Now, out var next));
        return next;
    }

    static TrustRefusal Refuse(MapTrust trust, MapFrame frame, WallTime? clock = null)
    {
        var refusal = trust.TryAccept(frame, clock ?? Now, out var next);
        Assert.NotEqual(TrustRefusal.None, refusal);
        Assert.Same(trust, next);
        return refusal;
    }
}

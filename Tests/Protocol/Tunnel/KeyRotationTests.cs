using Mesh.Protocol.Crypto;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

/// <summary>Static keys that change under traffic: 20 packets a second both ways, none lost, whatever comes in between.</summary>
public sealed class KeyRotationTests
{
    static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(50);

    readonly Pair _pair = new Pair(11, bothKnow: true).Connect();
    int _sent = 1;

    [Fact]
    public void One_side_rotates_and_the_session_is_agreed_anew_at_once()
    {
        var (before, after) = Prepare(_pair.Alice);
        Talk(10);
        var first = _pair.BobToAlice.SendSession;
        _pair.Bob.ChangePeerKey(_pair.BobToAlice, after.PublicKey);
        Assert.Same(first, _pair.BobToAlice.SendSession);
        Talk(2);
        Assert.NotSame(first, _pair.BobToAlice.SendSession);
        Commit(_pair.Alice, before, after);
        Talk(400);
        AssertNothingLost();
        Assert.Equal(0, _pair.Alice.Drops.Total + _pair.Bob.Drops.Total);
    }

    [Fact]
    public void Both_rotate_at_once_in_any_order_and_again()
    {
        for (var order = 0; order < 24; order++)
        {
            var (a, b) = (Prepare(_pair.Alice), Prepare(_pair.Bob));
            List<Action> steps =
            [
                () => Commit(_pair.Alice, a.Before, a.After), () => Commit(_pair.Bob, b.Before, b.After),
                () => _pair.Bob.ChangePeerKey(_pair.BobToAlice, a.After.PublicKey), () => _pair.Alice.ChangePeerKey(_pair.AliceToBob, b.After.PublicKey),
            ];
            for (var (rest, left) = (order, 4); left > 0; rest /= left, left--)
            {
                steps[rest % left]();
                steps.RemoveAt(rest % left);
                Talk(3);
            }
            Talk(140);
            Assert.True(_pair.AliceToBob.SendSession!.EstablishedAt > _pair.Clock.Now - TimeSpan.FromSeconds(8), $"order {order}");
        }
        AssertNothingLost();
    }

    [Fact]
    public void The_old_session_carries_on_while_the_other_side_has_not_switched()
    {
        var after = _pair.Alice.DrawKey();
        var first = _pair.BobToAlice.SendSession;
        _pair.Bob.ChangePeerKey(_pair.BobToAlice, after.PublicKey);
        Talk(20 * 60);
        Assert.Same(first, _pair.BobToAlice.SendSession);
        Assert.InRange(_pair.Alice.Drops[DropReason.Mac1], 11, 13);
        // Once it does, the next attempt completes: at most 5.4 s later.
        _pair.Alice.ChangeKey(after, null);
        Talk(110);
        Assert.NotSame(first, _pair.BobToAlice.SendSession);
        Talk(20 * 200);
        AssertNothingLost();
    }

    [Fact]
    public void Attempts_go_on_for_as_long_as_the_old_session_lives()
    {
        var after = _pair.Alice.DrawKey();
        _pair.Bob.ChangePeerKey(_pair.BobToAlice, after.PublicKey);
        Talk(20 * 170);
        AssertNothingLost();
        _pair.Alice.ChangeKey(after, null);
        Talk(110);
        AssertNothingLost();
        Assert.True(_pair.BobToAlice.SendSession!.EstablishedAt > _pair.Clock.Now - TimeSpan.FromSeconds(6));
    }

    [Fact]
    public void A_peer_that_does_not_hear_of_it_is_answered_under_the_former_key()
    {
        var (before, after) = Prepare(_pair.Alice);
        Commit(_pair.Alice, before, after);
        // Bob knows the former key only, for five renewals.
        Talk(20 * 600);
        AssertNothingLost();
        _pair.Bob.ChangePeerKey(_pair.BobToAlice, after.PublicKey);
        Talk(4);
        Assert.True(_pair.BobToAlice.SendSession!.EstablishedAt > _pair.Clock.Now - TimeSpan.FromSeconds(1));
        _pair.Alice.ChangeKey(after, null);
        Talk(20 * 200);
        AssertNothingLost();
    }

    [Fact]
    public void Lost_reordered_and_doubled_messages_delay_it_and_lose_no_more_than_the_network_does()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var pair = new Pair(seed, bothKnow: true).Connect();
            pair.Network.Conditions = new LinkConditions { Loss = 0.3, Duplication = 0.2, MaximumDelay = TimeSpan.FromMilliseconds(300) };
            var (before, after) = (pair.Alice.Key, pair.Alice.DrawKey());
            pair.Alice.ChangeKey(before, after);
            pair.Bob.ChangePeerKey(pair.BobToAlice, after.PublicKey);
            pair.Alice.ChangeKey(after, before);
            pair.Network.Run(TimeSpan.FromSeconds(40));
            pair.Network.Conditions = new LinkConditions();
            var (atBob, atAlice) = (pair.BobToAlice.Received.Count, pair.AliceToBob.Received.Count);
            for (var i = 0; i < 20 * 200; i++)
            {
                pair.AliceSends(1);
                pair.BobSends(2);
                pair.Network.Run(Beat);
            }
            pair.Network.Run(TimeSpan.FromSeconds(1));
            Assert.Equal((4000, 4000), (pair.BobToAlice.Received.Count - atBob, pair.AliceToBob.Received.Count - atAlice));
            Assert.Equal(0, pair.Alice.Drops[DropReason.UnknownPeer] + pair.Bob.Drops[DropReason.UnknownPeer]);
        }
    }

    [Fact]
    public void An_idle_peer_agrees_nothing_before_there_is_something_to_send()
    {
        _pair.Network.Run(TimeSpan.FromMinutes(10));
        var (before, after) = Prepare(_pair.Alice);
        Commit(_pair.Alice, before, after);
        var datagrams = _pair.BobToAlice.Transmits.Count;
        _pair.Bob.ChangePeerKey(_pair.BobToAlice, after.PublicKey);
        _pair.Network.Run(TimeSpan.FromMinutes(10));
        Assert.Equal(datagrams, _pair.BobToAlice.Transmits.Count);
        Talk(20);
        AssertNothingLost();
    }

    (X25519 Before, X25519 After) Prepare(SimDevice device)
    {
        var (before, after) = (device.Key, device.DrawKey());
        device.ChangeKey(before, after);
        return (before, after);
    }

    static void Commit(SimDevice device, X25519 before, X25519 after) => device.ChangeKey(after, before);

    void Talk(int beats)
    {
        for (var i = 0; i < beats; i++)
        {
            _pair.AliceSends((byte)i, 1);
            _pair.BobSends((byte)i, 2);
            _sent++;
            _pair.Network.Run(Beat);
        }
    }

    void AssertNothingLost()
    {
        _pair.Network.Run(TimeSpan.FromMilliseconds(500));
        Assert.Equal((_sent, _sent), (_pair.BobToAlice.Received.Count, _pair.AliceToBob.Received.Count));
    }
}

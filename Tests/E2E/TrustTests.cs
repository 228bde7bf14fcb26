using System.Diagnostics;
using System.Security.Cryptography;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>A node believes signatures and dates, not whoever answers.</summary>
[Collection(Waiting.Scenarios)]
public sealed class TrustTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip", "ping")]
    public Task What_a_node_cannot_verify_it_refuses_and_says_so() => MeshLab.RunJoinedAsync("met", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        Assert.True(ada.Ns.Ping(ben.V4, 3));
        await ben.Daemon.StopAsync();
        await lab.Controller.Server.KillAsync();
        await using var hostile = await HostileController.StartAsync(lab.Controller);
        var id = TypedId.Parse<NodeId>((await ada.StatusAsync()).Self!.ID);
        var stream = await hostile.AttachedAsync(id);
        await ben.StartAsync();
        await ben.RunningAsync();
        Assert.True(ben.Ns.Ping(ada.V4, 3));
        await using var ping = ada.StartPing(ben.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);

        var before = await ada.StatusAsync();
        var stranger = TypedId.Parse<NodeId>(before.Peer("ben")!.ID);
        // What it would do, were it believed: cut everybody off.
        var body = new MapBody(hostile.Network, new SelfEntry(id, "ada", before.Self!.Addresses, [], "alice"), "mesh.internal",
            ["100.64.0.0/10", "fd00::/8"], [], [new ControllerEntry(hostile.Controller, [$"{lab.Controller.Address}:{LabController.Port}"])], []);
        MapLeaf leaf = new(id, Full: body);
        var next = before.Revision + 1;
        using SigningPrivateKey other = new(RandomNumberGenerator.GetBytes(32));
        var good = hostile.Sign(leaf, next);

        var lies = new (string What, TrustRefusal Expected, MapFrame Frame)[]
        {
            ("a flipped byte in the leaf", TrustRefusal.WrongPath, good with { Leaf = Replaced(good.Leaf, "alice"u8, "alicf"u8) }),
            ("a flipped byte in the head", TrustRefusal.BadSignature, good with { Head = good.Head with { Payload = Flipped(good.Head.Payload) } }),
            ("an older revision", TrustRefusal.OlderRevision, hostile.Sign(leaf, before.Revision - 1)),
            ("another node's leaf", TrustRefusal.NotForThisNode, hostile.Sign(new MapLeaf(stranger, Full: body with { Self = body.Self with { Id = stranger } }), next)),
            ("a wrong path", TrustRefusal.WrongPath, good with { Path = [.. good.Path.Reverse()] }),
            ("a date for taking in that is over", TrustRefusal.Expired, hostile.Sign(leaf, next, head => head with { AcceptUntil = head.Issued - TimeSpan.FromSeconds(1) })),
            ("a validity that is over", TrustRefusal.Expired, hostile.Sign(leaf, next, head => head with { ValidUntil = head.Issued - TimeSpan.FromSeconds(1) })),
            ("a date in the future", TrustRefusal.FromTheFuture, hostile.Sign(leaf, next, head => head with { Issued = head.Issued + TimeSpan.FromMinutes(5) })),
            ("another key than the delegated", TrustRefusal.BadSignature, hostile.Sign(leaf, next, by: other)),
            ("a foreign delegation", TrustRefusal.ForeignDelegation, hostile.Sign(leaf, next, delegation: hostile.Delegate(statement => statement, by: other))),
            ("an expired delegation", TrustRefusal.DelegationNotValid,
                hostile.Sign(leaf, next, delegation: hostile.Delegate(statement => statement with { NotAfter = WallTime.From(DateTimeOffset.UtcNow) - TimeSpan.FromSeconds(1) }))),
            ("a delegation without the right", TrustRefusal.DelegationNotValid,
                hostile.Sign(leaf, next, delegation: hostile.Delegate(statement => statement with { Rights = [DelegationRights.IssueCertificates] }))),
            ("a newer epoch that the root has not opened", TrustRefusal.UnopenedEpoch, hostile.Sign(leaf, next, head => head with { Epoch = head.Epoch + 1 })),
            ("a delta to another body", TrustRefusal.WrongBase,
                hostile.Sign(new MapLeaf(id, Delta: new MapDelta(new Digest256(new byte[32]), new Digest256(new byte[32]), Removed: [stranger])), next)),
        };
        foreach (var (what, expected, frame) in lies)
        {
            var answer = await stream.SayAsync(frame);
            Assert.Equal((what, expected.ToString()), (what, answer.Refused ?? "taken in"));
            var status = await ada.StatusAsync();
            Assert.Contains(status.Health, line => line.Contains(expected.ToString(), StringComparison.Ordinal));
            Assert.Equal((before.Epoch, before.Revision), (status.Epoch, status.Revision));
            Assert.NotNull(status.Peer("ben"));
            output.Print("trust", $"{what}: {expected}; status: {status.Health.First(line => line.Contains(expected.ToString(), StringComparison.Ordinal))}");
            if (expected == TrustRefusal.WrongBase)
            {
                // The node comes again to be told what leads on from what it has.
                stream.Finish();
                stream = await hostile.AttachedAsync(id);
                Assert.Equal(before.Revision, stream.Attach.Revision);
            }
        }
        await ping.StopWithoutLossAsync();

        // With the right keys and dates it is believed: the lies above failed for what was wrong with them alone.
        Assert.NotNull((await stream.SayAsync(hostile.Sign(new MapLeaf(id, Full: body with { Withdrawn = [hostile.Controller] }), next))).Ack);
        Assert.Empty((await ada.StatusAsync()).Peers);
        Assert.Equal(nameof(TrustRefusal.DelegationWithdrawn), (await stream.SayAsync(hostile.Sign(leaf, next + 1))).Refused);
        // A withdrawn controller is not spoken to again, either.
        stream.Finish();
        await Eventually.TrueAsync("the node leaves a withdrawn controller", TimeSpan.FromSeconds(10), async () => (await ada.StatusAsync()).Controller is null);
        output.Print("trust", $"withdrawn: {string.Join(" / ", (await ada.StatusAsync()).Health)}");
    });

    [RequiresRootFact("ip", "ping")]
    public Task Past_its_validity_a_node_closes_its_peers() => MeshLab.RunJoinedAsync("mew", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        await using var ping = ada.StartPing(ben.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);
        // While a controller renews it, a map of 12 s goes on for longer.
        var first = (await ada.StatusAsync()).ValidUntil!.Value;
        await Eventually.TrueAsync("the map is renewed", TimeSpan.FromSeconds(12), async () => (await ada.StatusAsync()).ValidUntil > first);
        await lab.Controller.Server.KillAsync();
        var until = (await ada.StatusAsync()).ValidUntil!.Value;
        var other = (await ben.StatusAsync()).ValidUntil!.Value;
        var ends = until < other ? until : other;
        await Eventually.TrueAsync("the validity is over", TimeSpan.FromSeconds(20), () => DateTimeOffset.UtcNow > ends + TimeSpan.FromSeconds(3));
        var last = ping.Pongs[^1].At - ends;
        Assert.InRange(last.TotalSeconds, -1.5, 1.5);
        var status = await ada.StatusAsync();
        Assert.Contains(status.Health, line => line.Contains("expired", StringComparison.OrdinalIgnoreCase));
        Assert.NotEqual("Running", status.BackendState);
        var text = ada.Mesh("status");
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("expired", text.Output + text.Error, StringComparison.OrdinalIgnoreCase);
        // A restart does not bring it back, a controller does.
        await ada.Daemon.KillAsync();
        await ada.StartAsync();
        Assert.False(ada.Ns.Ping(ben.V4, 1, 1));
        var back = Stopwatch.StartNew();
        await lab.Controller.StartAsync();
        await ada.AttachedAsync();
        await ben.AttachedAsync();
        await Eventually.TrueAsync("the peers are open again", TimeSpan.FromSeconds(10), () => ada.Ns.Ping(ben.V4, 1, 1));
        output.Print("trust", $"valid_until passed: last answer {last.TotalSeconds:+0.00;-0.00} s from it; {status.Health.First(line => line.Contains("expired", StringComparison.OrdinalIgnoreCase))}; "
            + $"open again {back.Elapsed.TotalSeconds:0.0} s after the controller was started");
    }, "mesh.controller { map-valid-for = 12s, map-renewal-interval = 3s }");

    static byte[] Flipped(byte[] bytes)
    {
        var flipped = (byte[])bytes.Clone();
        flipped[^3] ^= 1;
        return flipped;
    }

    static byte[] Replaced(byte[] bytes, ReadOnlySpan<byte> old, ReadOnlySpan<byte> with)
    {
        var changed = (byte[])bytes.Clone();
        with.CopyTo(changed.AsSpan(changed.AsSpan().IndexOf(old)));
        return changed;
    }
}

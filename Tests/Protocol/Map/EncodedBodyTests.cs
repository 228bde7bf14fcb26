using System.Collections.Immutable;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Xunit.Abstractions;

namespace Mesh.Tests.Protocol.Map;

/// <summary>What is put together from encoded parts is what the encoder and <see cref="MapChange"/> give, byte for byte.</summary>
public sealed class EncodedBodyTests(ITestOutputHelper output)
{
    [Fact]
    public void Gives_the_bytes_hashes_and_deltas_that_encoding_the_whole_gives()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var before = Draw(random);
        for (var i = 0; i < 500; i++)
        {
            var body = Draw(random);
            Assert.Equal(ProtocolJson.Encode(body.Body, ProtocolJson.Default.MapBody), body.Encode());
            Assert.Equal(MapChange.Hash(body.Body), body.Hash);
            Assert.Equal(Leaf(new(body.Body.Self.Id, Full: body.Body)), body.EncodeFull());

            var delta = MapChange.Between(before.Body, body.Body);
            var encoded = body.EncodeDelta(before, out var set);
            Assert.Equal(delta is null ? null : Leaf(new(body.Body.Self.Id, Delta: delta)), encoded);
            Assert.Equal(delta?.Set ?? [], set.Select(peer => peer.Entry));
            Assert.Null(body.EncodeDelta(body, out _));
            before = body;
        }
    }

    // Names and owners are made to look like the lists that entries are put into.
    static EncodedBody Draw(Random random)
    {
        string[] texts = ["a", "\"peers\":[]", "\"set\":[]", "peers", "set", "\\", "\u00e4+'"];
        string Text() => texts[random.Next(texts.Length)];
        string[] Texts() => [.. Enumerable.Range(0, random.Next(3)).Select(_ => Text())];
        var peers = Enumerable.Range(0, 12).Where(_ => random.Next(2) == 0)
            .Select(number => new EncodedPeer(new PeerEntry(
                new NodeId(Id(number)), Text(), default, default, Texts(), Texts(), random.Next(3) == 0 ? [Grant.Everything] : [], [],
                random.Next(4) == 0 ? Text() : null)))
            .OrderBy(peer => peer.IdText, StringComparer.Ordinal);
        return new EncodedBody(
            new MapBody(
                new NetworkId(Id(100)), new SelfEntry(new NodeId(Id(101)), random.Next(5) == 0 ? Text() : "self", ["100.64.0.1"], Texts(), Text()),
                "mesh.internal", ["100.64.0.0/10"], [], random.Next(5) == 0 ? [new(new ControllerId(Id(102)), Texts())] : [],
                random.Next(5) == 0 ? [new ControllerId(Id(103))] : []),
            [.. peers]);
    }

    static byte[] Leaf(MapLeaf leaf) => ProtocolJson.Encode(leaf, ProtocolJson.Default.MapLeaf);

    static EntityId Id(int number) => new([0, 0, 0, 0, 0, 0, 0, 1, (byte)(number * 37), (byte)number]);
}

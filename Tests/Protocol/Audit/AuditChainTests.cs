using System.Text;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Protocol.Audit;

public sealed class AuditChainTests
{
    static readonly ChainEntry[] _entries =
    [
        new(1, "network", 1, 1_767_268_800_123, "network.created.v1", "c1", Sha256.Hash("{}"u8)),
        new(2, "user-alice", 1, 1_767_268_800_124, "user.created.v1", null, Sha256.Hash("""{"name":"alice"}"""u8)),
        new(7, "user-alic\u00e9", 2, -1, "user.created.v1", "", Sha256.Hash([])),
    ];

    // Computed once by another program; they hold the format for ever.
    static readonly string[] _hashes =
    [
        "90aaeb91679ec034446f81aac30cb20daadcceedc1f744a19142a0bef8080816",
        "779c65e2e42306498d08141b8966ada506df86ff4f256ba76af45bf93b2453dd",
        "57ad3431f3f05c5da75ce7d4888b3dfbf4c9721ac333452edcacb81a90cb61ce",
    ];

    static readonly string[] _heads =
    [
        "1:1:yCH2R2bVGCnZFb3GHGbiNIphEVj4HSYYFpf9cO/89QQ=",
        "2:2:H88bndRa2Fv4KebteJP4CJWKnVoEr+AMf0T9xQrPT/8=",
        "7:3:8YGeF+UN0h4Urmmen71T5ca8MKXXzQ/G53idGXlobSQ=",
    ];

    [Fact]
    public void Entries_and_heads_are_hashed_as_they_always_were()
    {
        Assert.Equal(_hashes, _entries.Select(entry => Convert.ToHexStringLower(entry.Hash().Value.Span)));
        var head = AuditHead.Empty;
        Assert.Equal(_heads, _entries.Select(entry => (head = head.Append(entry)).ToString()));
    }

    [Fact]
    public void Whatever_differs_in_an_entry_changes_its_hash()
    {
        var one = _entries[0];
        ChainEntry[] others =
        [
            one with { Ordering = 2 }, one with { SequenceNr = 2 }, one with { CreatedMs = 0 }, one with { PersistenceId = "networ" },
            one with { PersistenceId = "networkn", Manifest = "etwork.created.v1" }, one with { Manifest = "network.created.v2" },
            one with { CommandId = null }, one with { CommandId = "" }, one with { CommandId = "c2" },
            one with { PayloadHash = Sha256.Hash([0]) },
        ];
        Assert.Equal(others.Length + 1, others.Append(one).Select(entry => entry.Hash()).Distinct().Count());
    }

    [Fact]
    public void A_head_depends_on_every_entry_before_and_on_their_order()
    {
        var straight = AuditHead.Empty.Append(_entries[0]).Append(_entries[1]);
        var swapped = AuditHead.Empty.Append(_entries[1] with { Ordering = 1 }).Append(_entries[0] with { Ordering = 2 });
        Assert.NotEqual(straight.Digest, swapped.Digest);
        Assert.NotEqual(straight.Digest, AuditHead.Empty.Append(_entries[1]).Digest);
        // The number of events is part of it: a digest cannot be passed off as that of a longer journal.
        Assert.NotEqual(straight.Digest, new AuditHead(1, 2, AuditHead.Empty.Append(_entries[0]).Digest).Append(_entries[1]).Digest);
        Assert.Throws<ArgumentOutOfRangeException>(() => straight.Append(_entries[1]));
    }

    [Fact]
    public void A_head_is_read_as_it_is_printed()
    {
        foreach (var text in _heads)
        {
            Assert.True(AuditHead.TryParse(text, out var head));
            Assert.Equal(text, head.ToString());
        }
        foreach (var wrong in (string?[])[null, "", "1:1", "1:1:AAAA", "-1:1:" + new Digest256(new byte[32]), _heads[0] + " ", _heads[0] + ":1"])
            Assert.False(AuditHead.TryParse(wrong, out _));
        Assert.Equal("""{"ordering":1,"count":1,"digest":"yCH2R2bVGCnZFb3GHGbiNIphEVj4HSYYFpf9cO/89QQ="}""", Encoding.UTF8.GetString(
            Mesh.Protocol.ProtocolJson.Encode(AuditHead.Empty.Append(_entries[0]), Mesh.Protocol.ProtocolJson.Default.AuditHead)));
    }
}

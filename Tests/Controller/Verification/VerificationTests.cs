using Mesh.Controller.Verification;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Controller.Verification;

/// <summary>What one who has keys can do to a history, and what is against it.</summary>
public sealed class VerificationTests : IDisposable
{
    const string Controller = "aaaaaaaaaaaaaaab";

    readonly SigningPrivateKey _root = new([.. Enumerable.Repeat((byte)1, 32)]);
    readonly SigningPrivateKey _key = new([.. Enumerable.Repeat((byte)2, 32)]);

    Digest256 RootHash => Sha256.Hash(Ed25519.ComputePublicKey(_root).Value.Span);

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }

    [Fact]
    public void A_whole_history_that_a_controller_rewrote_contradicts_what_a_node_holds()
    {
        var history = Make(1, 2, 3, 5, 8);
        Assert.Null(Exports.Verify(history.ToBytes(), RootHash));
        var rewritten = history.WithPayload(3, _ => "{}").Relinked().Signed(_key, Controller, _root);
        // Every signature is right: only who has seen the other history knows.
        Assert.Null(Exports.Verify(rewritten.ToBytes(), RootHash));
        Assert.Null(Exports.Verify(rewritten.ToBytes(), RootHash, HeadAt(history, 2)));
        var fault = Exports.Verify(rewritten.ToBytes(), RootHash, HeadAt(history, 2), HeadAt(history, 3));
        Assert.Equal((4, 3L), (fault!.Line, fault.Ordering));
        Assert.Contains("two histories", fault.What, StringComparison.Ordinal);
        // The last one is seen too, and an event that is not there at all.
        Assert.Equal((6, 8L), Place(Exports.Verify(rewritten.ToBytes(), RootHash, HeadAt(history, 8))));
        Assert.Equal((5, 5L), Place(Exports.Verify(history.ToBytes(), RootHash, HeadAt(history, 3) with { Ordering = 4 })));
    }

    [Fact]
    public void A_head_outside_of_the_export_is_not_confirmed()
    {
        var history = Make(1, 2, 3, 5, 8);
        var fault = Exports.Verify(history.ToBytes(), RootHash, HeadAt(history, 8) with { Ordering = 9 });
        Assert.Contains("it ends at ordering 8", fault!.What, StringComparison.Ordinal);
        var later = Stretch(history, 3);
        Assert.Null(Exports.Verify(later.ToBytes(), RootHash, HeadAt(history, 3), HeadAt(history, 5)));
        Assert.Contains("give the earlier exports", Exports.Verify(later.ToBytes(), RootHash, HeadAt(history, 2))!.What, StringComparison.Ordinal);
        Assert.Null(Exports.Verify([Before(history, 3).ToBytes(), later.ToBytes()], RootHash, HeadAt(history, 2)));
    }

    [Fact]
    public void Stretches_are_in_order_alone_and_together_and_only_without_a_gap()
    {
        var history = Make(1, 2, 3, 5, 8);
        byte[] first = Before(history, 2).ToBytes(), second = Stretch(Before(history, 5), 2).ToBytes(), third = Stretch(history, 5).ToBytes();
        foreach (var one in (byte[][])[first, second, third])
            Assert.Null(Exports.Verify(one, RootHash));
        Assert.Null(Exports.Verify([first, second, third], RootHash));
        Assert.Equal(("file-2", 1), FileAndLine(Exports.Verify([first, third], RootHash)));
        Assert.Equal(("file-2", 1), FileAndLine(Exports.Verify([second, first], RootHash)));
        Assert.Equal(("file-2", 1), FileAndLine(Exports.Verify([first, first], RootHash)));
        // The archive of another history does not go before.
        var other = Before(history, 2).WithPayload(1, _ => "{}").Relinked().Signed(_key, Controller, _root);
        Assert.Null(Exports.Verify(other.ToBytes(), RootHash));
        Assert.Equal(("file-2", 1), FileAndLine(Exports.Verify([other.ToBytes(), second], RootHash)));
    }

    [Fact]
    public void What_a_withdrawn_controller_signed_is_not_believed()
    {
        var withdrawn = Make(1, 2).With(2, Entry(2, "controller.withdrawn.v1", $$"""{"controller":"{{Controller}}"}""")).Relinked();
        var fault = Exports.Verify(withdrawn.Signed(_key, Controller, _root).ToBytes(), RootHash);
        Assert.Equal(4, fault!.Line);
        Assert.Contains("withdrawn", fault.What, StringComparison.Ordinal);
        var another = Make(1, 2).With(2, Entry(2, "controller.withdrawn.v1", """{"controller":"aaaaaaaaaaaaaaac"}""")).Relinked();
        Assert.Null(Exports.Verify(another.Signed(_key, Controller, _root).ToBytes(), RootHash));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("{}\n")]
    [InlineData("not an export\nat all\n")]
    [InlineData("""{"format":"mesh-journal","version":1}""" + "\n")]
    public void What_is_no_export_is_refused_at_its_first_line(string text) =>
        Assert.Equal(1, Exports.Verify(System.Text.Encoding.UTF8.GetBytes(text))!.Line);

    [Fact]
    public void A_line_without_end_is_refused_without_reading_it_all()
    {
        var fault = Exports.Verify([.. Make(1).ToBytes(), .. new byte[LineStream.MaximumLine * 2]], RootHash);
        Assert.Equal(4, fault!.Line);
    }

    Exports Make(params int[] orderings) => new Exports(
        [
            """{"format":"mesh-audit","version":1,"network":"aaaaaaaaaaaaaaad","root_key":"","delegations":[],"from":{"ordering":0,"count":0,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"payloads":true}""",
            .. orderings.Select(ordering => Entry(ordering, "user.created.v1", $$"""{"name":"user-{{ordering}}"}""")),
            "",
        ]).Relinked().Signed(_key, Controller, _root);

    static string Entry(long ordering, string manifest, string payload) =>
        $$"""{"ordering":{{ordering}},"id":"user-{{ordering}}","number":1,"created":1700000000000,"manifest":"{{manifest}}","chain":"","command":"c{{ordering}}","payload":"{{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(payload))}}"}""";

    // The part of an export up to an event, and the part behind it.
    Exports Before(Exports export, long ordering) => new Exports(
        [.. export.Lines.TakeWhile((line, at) => at == 0 || at < export.Lines.Count - 1 && Ordering(line) <= ordering), ""]).Signed(_key, Controller, _root);

    Exports Stretch(Exports export, long behind)
    {
        var from = HeadAt(export, behind);
        var first = System.Text.Json.Nodes.JsonNode.Parse(export.Lines[0])!;
        first["from"] = new System.Text.Json.Nodes.JsonObject { ["ordering"] = from.Ordering, ["count"] = from.Count, ["digest"] = from.Digest.ToString() };
        return new Exports([first.ToJsonString(), .. export.Lines.Skip(1).SkipLast(1).Where(line => Ordering(line) > behind), ""]).Signed(_key, Controller, _root);
    }

    static AuditHead HeadAt(Exports export, long ordering)
    {
        var at = Enumerable.Range(1, export.Lines.Count - 2).First(line => Ordering(export.Lines[line]) == ordering);
        Assert.True(Octets32.TryParse((string)System.Text.Json.Nodes.JsonNode.Parse(export.Lines[at])!["chain"]!, out var digest));
        return new AuditHead(ordering, at, new Digest256(digest));
    }

    static long Ordering(string line) => (long)System.Text.Json.Nodes.JsonNode.Parse(line)!["ordering"]!;

    static (int, long?) Place(ExportFault? fault) => (fault!.Line, fault.Ordering);

    static (string, int) FileAndLine(ExportFault? fault) => (fault!.File, fault.Line);
}

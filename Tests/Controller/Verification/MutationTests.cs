using System.Text;
using System.Text.Json;
using Mesh.Controller.Verification;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Verification;

/// <summary>Changes the export of a real journal in every way that one can think of: each is found, and where it is.</summary>
public sealed class MutationTests(ITestOutputHelper output) : IAsyncLifetime
{
    RunningController _controller = null!;
    Exports _export = null!;
    Digest256 _root;

    public async Task InitializeAsync()
    {
        _controller = await RunningController.StartAsync();
        await _controller.AllowAllAsync();
        for (var i = 0; i < 6; i++)
        {
            await _controller.RunAsync(["user", "create", $"user-{i}"]);
            using var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), $"machine-{i}");
            Assert.Null(await machine.EnrollAsync());
        }
        var (exit, text, error) = await _controller.RunAsync(["audit", "export"]);
        Assert.True(exit == 0, error);
        _export = Exports.Parse(text);
        Assert.Equal(text, Encoding.UTF8.GetString(_export.ToBytes()));
        var status = JsonDocument.Parse((await _controller.RunAsync(["status", "--json"])).Out).RootElement;
        Assert.True(Octets32.TryParse(status.GetProperty("root_hash").GetString(), out var root));
        _root = new Digest256(root);
    }

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Fact]
    public void Whatever_is_changed_is_found_and_where()
    {
        Assert.Null(Exports.Verify(_export.ToBytes(), _root));
        var seed = Environment.TickCount;
        var count = Requirements.Full ? 10_000 : 600;
        output.WriteLine($"seed {seed}, {count} mutations of {_export.Lines.Count} lines");
        var random = new Random(seed);
        var tried = new Dictionary<string, int>();
        for (var i = 0; i < count; i++)
        {
            var (kind, file, line) = Mutate(random);
            var fault = Exports.Verify(file, _root);
            Assert.True(fault is not null, $"seed {seed}, mutation {i}: {kind} at line {line} was not found");
            Assert.True(fault.Line == line, $"seed {seed}, mutation {i}: {kind} at line {line} was reported as: {fault}");
            // Where the line is an entry that can be read, the event is named too.
            if (kind is "reordering" or "payload" or "repetition" || kind == "deletion" && line < _export.Lines.Count - 1)
                Assert.NotNull(fault.Ordering);
            tried[kind] = tried.GetValueOrDefault(kind) + 1;
        }
        output.WriteLine(string.Join(", ", tried.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {pair.Value}")));
        Assert.Equal(9, tried.Count);
    }

    [Fact]
    public void Every_single_bit_of_the_first_and_last_lines_counts()
    {
        var file = _export.ToBytes();
        var lengths = _export.Lines.Select(line => Encoding.UTF8.GetByteCount(line) + 1).ToArray();
        foreach (var (begin, length, line) in new[] { (0, lengths[0], 1), (file.Length - lengths[^1], lengths[^1], lengths.Length) })
        {
            for (var at = begin; at < begin + length; at++)
            {
                var changed = file.ToArray();
                changed[at] ^= (byte)(1 << (at % 8));
                var fault = Exports.Verify(changed, _root);
                Assert.True(fault?.Line == line, $"bit {at % 8} of byte {at - begin} of line {line}: {fault?.ToString() ?? "not found"}");
            }
        }
    }

    // A file, and the line that is the first to be wrong.
    (string Kind, byte[] File, int Line) Mutate(Random random)
    {
        var last = _export.Lines.Count;
        var line = random.Next(1, last - 1);
        switch (random.Next(9))
        {
            case 0:
            {
                var file = _export.ToBytes();
                var at = random.Next(file.Length);
                file[at] ^= (byte)(1 << random.Next(8));
                return ("bit flip", file, LineOf(at));
            }
            case 1:
                // Of the last entry, the line behind it says what is missing.
                return ("deletion", _export.Without(line).ToBytes(), line + 1);
            case 2:
            {
                var other = random.Next(1, last - 1);
                if (other == line)
                    other = line == 1 ? 2 : line - 1;
                return ("reordering", _export.Swapped(line, other).ToBytes(), Math.Min(line, other) + 1);
            }
            case 3:
            {
                // At the end of a line the next is missing; within one it is cut.
                var file = _export.ToBytes();
                var at = random.Next(file.Length);
                var isBetween = at == 0 || file[at - 1] == '\n';
                return ("truncation", file[..at], isBetween ? Math.Max(1, LineOf(at)) : LineOf(at));
            }
            case 4:
                return ("payload", _export.WithPayload(line, text => text.Replace("\"at\":\"2", "\"at\":\"1", StringComparison.Ordinal)).ToBytes(), line + 1);
            case 5:
                return ("repetition", new Exports([.. _export.Lines.Take(line + 1), .. _export.Lines.Skip(line)]).ToBytes(), line + 2);
            case 6:
                // Everything behind the change follows from it again: only the signature is against it.
                return ("relinked", Forked(line).ToBytes(), last);
            case 7:
            {
                using var stranger = new SigningPrivateKey(Bytes(random));
                return ("re-signed", Forked(line).Signed(stranger, _export.KeyId).ToBytes(), last);
            }
            default:
            {
                using var stranger = new SigningPrivateKey(Bytes(random));
                using var root = new SigningPrivateKey(Bytes(random));
                return ("another root", Forked(line).Signed(stranger, _export.KeyId, root).ToBytes(), 1);
            }
        }

        int LineOf(int at)
        {
            var number = 1;
            foreach (var text in _export.Lines)
            {
                at -= Encoding.UTF8.GetByteCount(text) + 1;
                if (at < 0)
                    return number;
                number++;
            }
            return number;
        }
    }

    Exports Forked(int line) =>
        _export.WithPayload(line, text => text.Replace("\"at\":\"2", "\"at\":\"1", StringComparison.Ordinal)).Relinked();

    static byte[] Bytes(Random random)
    {
        var bytes = new byte[32];
        random.NextBytes(bytes);
        return bytes;
    }
}

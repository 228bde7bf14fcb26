using System.Text;
using Mesh.Controller;
using Mesh.Controller.Backup;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Controller.CommandLine;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Backup;

public sealed class BackupTests(ITestOutputHelper output) : IAsyncLifetime
{
    BackedUpNetwork _network = null!;

    public async Task InitializeAsync() => _network = await BackedUpNetwork.CreateAsync();

    public async Task DisposeAsync() => await _network.DisposeAsync();

    [Fact]
    public async Task A_backup_is_the_owners_only_says_what_it_is_and_holds_no_private_key()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_network.File));
        var (exit, text, _) = await Cli.RunAsync(["restore", _network.File, "--check"]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Matches(@"^\S+: network \S+ with 1 node, \d+ events up to revision \d+ in epoch 1, taken \S+ \S+Z by controller \S+, sha256 \S+\n$", text);
        var content = await File.ReadAllTextAsync(_network.File);
        var state = _network.Controller.StateDirectory;
        Assert.DoesNotContain(File.ReadAllText(Path.Combine(state, "signing.key")).Trim(), content, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", content, StringComparison.Ordinal);
        Assert.DoesNotContain(File.ReadAllLines(_network.RootKey)[^1], content, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(_network.UsedLater.Secret), content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_is_written_whole_or_not_at_all()
    {
        var before = await File.ReadAllBytesAsync(_network.File);
        var (exit, _, error) = await _network.Controller.RunAsync(["backup", "-o", _network.File]);
        Assert.Equal((ExitCode.Failed, $"mesh-controller: {_network.File} exists: remove it, or name another file\n"), (exit, error));
        Assert.Equal(before, await File.ReadAllBytesAsync(_network.File));
        (exit, _, error) = await _network.Controller.RunAsync(["backup", "-o", "/nowhere/mesh.backup"]);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        VerbTests.AssertOneLine(error);
        await _network.Controller.StopAsync();
        var file = _network.Other("late.backup");
        Assert.Equal(ExitCode.Unreachable, (await _network.Controller.RunAsync(["backup", "-o", file])).Exit);
        Assert.False(File.Exists(file) || File.Exists(file + ".new"));
    }

    [Fact]
    public async Task A_backup_taken_while_the_network_changes_is_of_one_moment()
    {
        using var stop = new CancellationTokenSource();
        var changing = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
                await _network.Controller.RunAsync(["user", "create", $"meanwhile{i}"]);
        });
        var taken = new List<BackupFile>();
        for (var i = 0; i < 5; i++)
        {
            var file = _network.Other($"b{i}");
            var (exit, _, error) = await _network.Controller.RunAsync(["backup", "-o", file]);
            Assert.True(exit == ExitCode.Done, error);
            taken.Add(BackupFile.Open(file, file));
        }
        await stop.CancelAsync();
        await changing;
        // Each holds all of the one before, row by row.
        foreach (var (earlier, later) in taken.Zip(taken.Skip(1)))
        {
            Assert.True(earlier.Statement.Rows <= later.Statement.Rows);
            Assert.Equal(
                earlier.Rows().Select(row => (row.Ordering, row.Row.PersistenceId, row.Row.SequenceNr)),
                later.Rows().Take((int)earlier.Statement.Rows).Select(row => (row.Ordering, row.Row.PersistenceId, row.Row.SequenceNr)));
        }
        Assert.True(taken[^1].Statement.Rows > taken[0].Statement.Rows);
    }

    [Fact]
    public void One_backup_at_a_time()
    {
        using var journal = Mesh.Controller.Journal.SqliteJournal.Open(_network.Other("journal.db"));
        var writer = new BackupWriter(journal, null!, null!);
        var first = writer.TryBegin();
        Assert.NotNull(first);
        Assert.Null(writer.TryBegin());
        first.Dispose();
        Assert.NotNull(writer.TryBegin());
    }

    [Fact]
    public async Task Whatever_is_changed_in_a_backup_it_is_refused_and_nothing_is_touched()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var whole = await File.ReadAllBytesAsync(_network.File);
        var lines = Encoding.UTF8.GetString(whole).TrimEnd('\n').Split('\n');
        var count = 0;
        for (var i = 0; i < 400; i++)
        {
            var changed = whole.ToArray();
            // Every part has its share: the head, the journal, the signature.
            var (from, to) = (i % 4) switch
            {
                0 => (0, lines[0].Length),
                1 => (whole.Length - lines[^1].Length - 1, whole.Length),
                _ => (0, whole.Length),
            };
            changed[random.Next(from, to)] ^= (byte)(1 << random.Next(8));
            Refused(changed);
        }
        for (var i = 0; i < 40; i++)
            Refused(whole[..random.Next(whole.Length)]);
        for (var i = 0; i < lines.Length; i++)
        {
            Refused(Join([.. lines[..i], .. lines[(i + 1)..]]));
            Refused(Join([.. lines[..i], lines[i], lines[i], .. lines[(i + 1)..]]));
            if (i > 0)
                Refused(Join([.. lines[..(i - 1)], lines[i], lines[i - 1], .. lines[(i + 1)..]]));
        }
        Refused([.. whole, (byte)'\n']);
        Refused([.. whole, .. whole]);
        Refused(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(whole).Replace("\n", "\r\n")));
        output.WriteLine($"{count} changed backups, all refused");

        // And through the program: it names what is wrong, and leaves no trace.
        var file = _network.Other("bad.backup");
        await File.WriteAllBytesAsync(file, Join([.. lines[..5], lines[5].Replace("\"number\":1", "\"number\":2"), .. lines[6..]]));
        var state = _network.Other("state");
        var (exit, text, error) = await Cli.RunAsync(["restore", file, "--new-epoch", "--root-key", _network.RootKey, "--state-dir", state]);
        Assert.Equal((ExitCode.BadInput, ""), (exit, text));
        Assert.Matches($@"^mesh-controller: {file}, line \d+: .+: nothing was changed\n$", error);
        Assert.False(Directory.Exists(state));

        void Refused(byte[] changed)
        {
            count++;
            var path = _network.Other("changed");
            File.WriteAllBytes(path, changed);
            var refused = Assert.Throws<CommandException>(() => BackupFile.Open(path, "changed"));
            Assert.Equal(ExitCode.BadInput, refused.ExitCode);
            Assert.StartsWith("changed", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_backup_that_somebody_else_signed_is_refused()
    {
        var lines = (await File.ReadAllTextAsync(_network.File)).TrimEnd('\n').Split('\n');
        var genuine = BackupFile.Open(_network.File, "genuine");
        using var root = RootKeyFile.Parse(await File.ReadAllTextAsync(_network.RootKey), null, "root");
        using var theirs = new SigningPrivateKey(SystemEntropy.Instance);
        var now = WallTime.From(DateTimeOffset.UtcNow);
        var own = Delegation(genuine.Statement.Network, genuine.Statement.Epoch, now);

        // By its own root, over the same network; by the right root for another controller than the one it names, another epoch, another time.
        Assert.Contains("its journal is of network", Said(own, theirs, theirs), StringComparison.Ordinal);
        Assert.Contains("is not signed by the network root", Said(own, theirs, root), StringComparison.Ordinal);
        Assert.Null(Said(own, root, root));
        Assert.Contains("was not allowed to speak", Said(own with { Epoch = 2 }, root, root), StringComparison.Ordinal);
        Assert.Contains("was not allowed to speak", Said(own with { NotAfter = now - TimeSpan.FromHours(1) }, root, root), StringComparison.Ordinal);
        Assert.Contains("is not signed by the controller", Said(own with { SigningKey = Ed25519.ComputePublicKey(root) }, root, root), StringComparison.Ordinal);

        Delegation Delegation(NetworkId network, int epoch, WallTime at) => new(
            network, epoch, genuine.Statement.Controller, Ed25519.ComputePublicKey(theirs), new Digest256(new byte[32]), [DelegationRights.SignMaps],
            at - TimeSpan.FromDays(1), at + TimeSpan.FromDays(1));

        // Null where it is accepted.
        string? Said(Delegation delegation, SigningPrivateKey signer, SigningPrivateKey claimed)
        {
            var head = new BackupHead(
                BackupFile.Format, BackupFile.Version, Ed25519.ComputePublicKey(claimed),
                DsseEnvelope.Sign(PayloadTypes.Delegation, ProtocolJson.Encode(delegation, ProtocolJson.Default.Delegation), signer, "root"));
            string[] content = [System.Text.Json.JsonSerializer.Serialize(head, BackupJson.Default.BackupHead), .. lines[1..^1]];
            var statement = genuine.Statement with { Content = Sha256.Hash(Join(content)), Epoch = 1 };
            var end = DsseEnvelope.Sign(
                BackupFile.PayloadType, System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(statement, BackupJson.Default.BackupStatement), theirs,
                delegation.Controller.ToString());
            var path = _network.Other("theirs");
            File.WriteAllBytes(path, Join([.. content, Encoding.UTF8.GetString(ProtocolJson.Encode(end, ProtocolJson.Default.DsseEnvelope))]));
            try
            {
                BackupFile.Open(path, "theirs");
                return null;
            }
            catch (CommandException refused)
            {
                return refused.Message;
            }
        }
    }

    static byte[] Join(string[] lines) => Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");
}

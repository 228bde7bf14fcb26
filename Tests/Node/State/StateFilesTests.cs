using System.Text;
using System.Text.Json;
using Mesh.Node;
using Mesh.Node.State;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Kit.Trust;

namespace Mesh.Tests.Node.State;

public sealed class StateFilesTests : IDisposable
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly string _directory = Directory.CreateTempSubdirectory("mesh-state-").FullName;

    string At(string name) => Path.Combine(_directory, name);

    WrappingKey Wrapping(string? credentials = null, string? passphrase = null) => new(credentials, passphrase, At("keys"));

    static void Refused(int exitCode, string words, Action action)
    {
        var failure = Assert.Throws<MeshFailureException>(action);
        Assert.Contains(words, failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.Equal(exitCode, failure.ExitCode);
    }

    [Fact]
    public void Keys_come_back_as_they_were_and_lie_sealed_with_mode_0600()
    {
        var file = new IdentityFile(At("identity.json"), Wrapping());
        using var made = file.ReadOrCreate();
        using var read = new IdentityFile(At("identity.json"), Wrapping()).Read();

        Assert.Equal(made.SigningPublicKey, read.SigningPublicKey);
        Assert.Equal(made.TunnelPublicKey, read.TunnelPublicKey);
        Assert.Equal(made.Tls.ExportSubjectPublicKeyInfo(), read.Tls.ExportSubjectPublicKeyInfo());
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(At("identity.json")));
        Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(At("keys/wrapping.key")));
        Assert.Equal(WrappingSource.KeyFile, file.Source);
        var stored = JsonSerializer.Deserialize(File.ReadAllBytes(At("identity.json")), StateJson.Default.IdentityDocument)!;
        Assert.True(stored.Sealed.AsSpan().IndexOf(made.Signing.Span) < 0);
        Assert.True(stored.Sealed.AsSpan().IndexOf(made.Tunnel.Span) < 0);
    }

    [Fact]
    public void What_was_seen_of_the_audit_chain_survives_and_an_older_file_has_none()
    {
        using var network = new SigningNetwork(new WallTime(1_800_000_000_000));
        using var state = StateDirectory.Open(At("state"), Wrapping());
        var (held, shown) = (new AuditHead(7, 5, new Digest256(new byte[32])), new AuditHead(6, 4, new Digest256(new byte[32])));
        var trust = network.Empty with
        {
            Audit = new AuditWitness { Held = held, Dispute = new AuditDispute(held, shown, shown, network.Controller, network.Now), Agrees = true, Latest = held },
        };
        state.Map.Write(trust);
        Assert.Equal(trust.Audit!.Attach(), state.ReadMap()!.Audit);
        state.Map.Write(network.Empty);
        Assert.DoesNotContain("audit", File.ReadAllText(state.Map.Path), StringComparison.Ordinal);
        Assert.Null(state.ReadMap()!.Audit);
    }

    [Fact]
    public void A_passphrase_and_a_credential_protect_the_keys_and_the_better_one_takes_over()
    {
        File.WriteAllText(At("passphrase"), "correct horse\n");
        File.SetUnixFileMode(At("passphrase"), OwnerOnly);
        using var made = new IdentityFile(At("identity.json"), Wrapping(passphrase: At("passphrase"))).ReadOrCreate();
        Assert.False(Directory.Exists(At("keys")));
        Refused(78, "--passphrase-file", () => new IdentityFile(At("identity.json"), Wrapping()).Read());

        File.WriteAllText(At("mesh-wrapping-key"), "from the service manager");
        var file = new IdentityFile(At("identity.json"), Wrapping(_directory, At("passphrase")));
        file.Read().Dispose();
        Assert.Equal(WrappingSource.Credential, file.Source);

        using var read = new IdentityFile(At("identity.json"), Wrapping(_directory)).Read();
        Assert.Equal(made.SigningPublicKey, read.SigningPublicKey);
    }

    [Fact]
    public void A_wrong_key_a_flipped_byte_and_other_text_are_refused()
    {
        new IdentityFile(At("identity.json"), Wrapping()).ReadOrCreate().Dispose();
        var good = File.ReadAllText(At("identity.json"));

        File.SetUnixFileMode(At("keys/wrapping.key"), OwnerOnly);
        var key = File.ReadAllText(At("keys/wrapping.key"));
        File.WriteAllText(At("keys/wrapping.key"), "another key");
        Refused(78, "does not open with this key-file", () => new IdentityFile(At("identity.json"), Wrapping()).Read());
        File.WriteAllText(At("keys/wrapping.key"), key);

        File.WriteAllText(At("identity.json"), good[..^10]);
        Refused(78, "is damaged", () => new IdentityFile(At("identity.json"), Wrapping()).Read());
        var document = JsonSerializer.Deserialize(good, StateJson.Default.IdentityDocument)!;
        document.Sealed[40] ^= 1;
        File.WriteAllBytes(At("identity.json"), JsonSerializer.SerializeToUtf8Bytes(document, StateJson.Default.IdentityDocument));
        Refused(78, "does not open", () => new IdentityFile(At("identity.json"), Wrapping()).Read());
    }

    [Theory, InlineData("identity.json"), InlineData("keys/wrapping.key")]
    public void A_secret_that_others_can_read_is_refused(string name)
    {
        new IdentityFile(At("identity.json"), Wrapping()).ReadOrCreate().Dispose();
        File.SetUnixFileMode(At(name), OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        Refused(78, "is open to others (mode 0644): chmod 600", () => new IdentityFile(At("identity.json"), Wrapping()).Read());
    }

    [Fact]
    public void The_layout_of_the_identity_file_is_fixed()
    {
        // Sealed with the key-file derivation from 32 bytes of text; both may change only with a new format name.
        const string Layout = """{"format":"mesh-identity-v1","wrapping":"key-file","salt":"AQI=","nonce":"AwQ=","sealed":"BQY="}""";
        Assert.Equal(Layout, JsonSerializer.Serialize(new IdentityDocument("mesh-identity-v1", "key-file", [1, 2], [3, 4], [5, 6]), StateJson.Default.IdentityDocument));

        Directory.CreateDirectory(At("keys"));
        File.WriteAllText(At("keys/wrapping.key"), "fixed key");
        File.SetUnixFileMode(At("keys/wrapping.key"), OwnerOnly);
        Assert.Equal("F5258F4B0060F406CB79E6D782BBE054F6F90C31972BC19E757F7ED65A33BEF2", Convert.ToHexString(Wrapping().Derive(WrappingSource.KeyFile, new byte[16])));
    }

    [Fact]
    public void The_layout_of_membership_and_map_is_fixed()
    {
        using var network = new SigningNetwork(new WallTime(1_800_000_000_000));
        var file = new CheckedFile<NetworkRecord>(At("network.json"), "mesh-network-v1", StateJson.Default.NetworkRecord);
        file.Write(new NetworkRecord(network.Network, network.Node, "laptop", new SigningPublicKey(new byte[32]), ["a:1"], [[1, 2]]));
        Assert.Equal(
            "mesh-network-v1 f+24MjIzBcH93H4U8zWFX9H//9Hk9cYOSjt6QQV7JcI=\n"
            + """{"network":"aaaaaaaaaaaaaaib","node":"aaaaaaaaaaaaaaid","name":"laptop","root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","controllers":["a:1"],"certificates":["AQI="],"down":false}""",
            File.ReadAllText(At("network.json")));

        var map = new CheckedFile<MapTrust>(At("map.json"), "mesh-map-v1", StateJson.Default.MapTrust);
        Assert.Equal(TrustRefusal.None, network.Empty.TryAccept(network.Frame(network.Full(SigningNetwork.Peer(20)), 10), network.Now, out var trust));
        map.Write(trust);
        var read = map.Read("")!;
        Assert.Equal(Protocol.Map.MapChange.Hash(trust.Body!), Protocol.Map.MapChange.Hash(read.Body!));
        Assert.Equal((trust.Network, trust.Node, trust.Root, trust.Epoch, trust.Revision, trust.ValidUntil, trust.Floor),
            (read.Network, read.Node, read.Root, read.Epoch, read.Revision, read.ValidUntil, read.Floor));
        Assert.StartsWith("""{"network":"aaaaaaaaaaaaaaib","node":"aaaaaaaaaaaaaaid","root":""", File.ReadAllText(At("map.json")).Split('\n')[1]);
    }

    [Fact]
    public void A_map_damaged_at_any_byte_is_noticed()
    {
        var file = new CheckedFile<EndpointRecord>(At("map.json"), "mesh-endpoints-v1", StateJson.Default.EndpointRecord);
        file.Write(new EndpointRecord(new Dictionary<NodeId, IReadOnlyList<string>> { [SigningNetwork.PeerId(20)] = ["192.0.2.1:1"] }));
        var good = File.ReadAllBytes(At("map.json"));

        for (var at = 0; at < good.Length; at++)
        {
            var bad = good.ToArray();
            bad[at] ^= 1;
            File.WriteAllBytes(At("map.json"), bad);
            Refused(78, "is damaged: do this", () => file.Read("do this"));
            File.WriteAllBytes(At("map.json"), good[..at]);
            Refused(78, "is damaged: do this", () => file.Read("do this"));
        }
    }

    [Fact]
    public void A_write_replaces_the_whole_file_and_leaves_nothing_beside_it()
    {
        File.WriteAllText(At("file.new"), "left by a crash");
        AtomicFile.Write(At("file"), Encoding.ASCII.GetBytes("one"), OwnerOnly);
        AtomicFile.Write(At("file"), Encoding.ASCII.GetBytes("two"), OwnerOnly | UnixFileMode.GroupRead);

        Assert.Equal("two", File.ReadAllText(At("file")));
        Assert.Equal(OwnerOnly | UnixFileMode.GroupRead, File.GetUnixFileMode(At("file")));
        Assert.Equal([At("file")], Directory.GetFiles(_directory));
    }

    [Kit.RequiresRootFact("mount")]
    public async Task A_full_disk_leaves_the_old_file_and_says_what_to_do()
    {
        Directory.CreateDirectory(At("small"));
        await RunAsync("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", At("small"));
        try
        {
            AtomicFile.Write(At("small/file"), new byte[4096], OwnerOnly);
            Refused(75, "no space left on the device; nothing was changed", () => AtomicFile.Write(At("small/file"), new byte[64 * 1024], OwnerOnly));
            Assert.Equal(4096, new FileInfo(At("small/file")).Length);
            Assert.Single(Directory.GetFiles(At("small")));
        }
        finally
        {
            await RunAsync("umount", At("small"));
        }
    }

    [Fact]
    public void A_second_daemon_on_a_state_directory_is_refused()
    {
        using (StateDirectory.Open(At("state"), Wrapping()))
        {
            Refused(1, "another daemon uses the state directory", () => StateDirectory.Open(At("state"), Wrapping()));
            Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(At("state")));
        }
        StateDirectory.Open(At("state"), Wrapping()).Dispose();
    }

    static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}

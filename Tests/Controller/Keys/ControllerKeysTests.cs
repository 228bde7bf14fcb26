using System.Text;
using System.Text.Json;
using Mesh.Controller;
using Mesh.Controller.Keys;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Keys;

public sealed class ControllerKeysTests : IDisposable
{
    static readonly WallTime Now = WallTime.From(DateTimeOffset.Parse("2026-05-01T12:00:00Z"));

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void First_start_makes_everything_and_the_second_finds_it_again()
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        using var made = Open(state, out var created);
        Assert.True(created);
        using var found = Open(state, out created);
        Assert.False(created);
        Assert.Equal((made.Network, made.Controller, made.RootKey, made.RootHash),
            (found.Network, found.Controller, found.RootKey, found.RootHash));
        Assert.Equal(made.Authority.Certificate.RawData, found.Authority.Certificate.RawData);
        Assert.True(found.Delegation.Verify(PayloadTypes.Delegation, made.RootKey));
        Assert.True(found.Sign("application/x-test", "hello"u8).Verify("application/x-test", made.DelegationStatement.SigningKey));
    }

    [Fact]
    public void Every_file_that_it_writes_is_for_its_owner_only()
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        using var keys = Open(state, out _);
        Assert.Equal("0700", Mode(state.Path));
        foreach (var file in Directory.GetFiles(state.Path))
            Assert.Equal("0600", Mode(file));
        Assert.Equal(
            ["authority.key", "controller.json", "lock", "root.key", "signing.key"],
            Directory.GetFiles(state.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("signing.key")]
    [InlineData("authority.key")]
    [InlineData("controller.json")]
    [InlineData("root.key")]
    public void A_file_that_others_can_read_is_refused_with_what_to_type(string name)
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        Open(state, out _).Dispose();
        var path = Path.Combine(state.Path, name);
        File.SetUnixFileMode(path, Enum.Parse<UnixFileMode>("UserRead, UserWrite, GroupRead, OtherRead"));
        var refusal = Assert.Throws<CommandException>(() => Open(state, out _));
        Assert.Equal(ExitCode.BadConfiguration, refusal.ExitCode);
        Assert.Equal($"{path} can be read by others (mode 0644): chmod 600 {path}", refusal.Message);
    }

    [Theory]
    [InlineData("signing.key")]
    [InlineData("authority.key")]
    [InlineData("controller.json")]
    public void A_missing_or_damaged_file_is_told_by_name(string name)
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        Open(state, out _).Dispose();
        var path = Path.Combine(state.Path, name);
        var content = File.ReadAllBytes(path);
        foreach (var damage in (byte[][])[[], content[..(content.Length / 2)], [.. content.Select(b => (byte)(b ^ 1))]])
        {
            File.WriteAllBytes(path, damage);
            AssertRefused();
        }
        // Without the identity file this is a first start that was cut short; the journal tells whether it is.
        if (path != state.IdentityPath)
        {
            File.Delete(path);
            AssertRefused();
        }
        PrivateFile.Write(path, content);
        Open(state, out _).Dispose();

        void AssertRefused()
        {
            var refusal = Assert.Throws<CommandException>(() => Open(state, out _));
            Assert.Equal(ExitCode.BadConfiguration, refusal.ExitCode);
            Assert.StartsWith(path, refusal.Message);
            Assert.DoesNotContain('\n', refusal.Message);
        }
    }

    [Fact]
    public void Keys_of_another_controller_are_refused()
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        Open(state, out _).Dispose();
        using var other = StateDirectory.Open(_directory.File("other"));
        Open(other, out _).Dispose();
        foreach (var path in (string[])[state.SigningKeyPath, state.AuthorityKeyPath])
        {
            var own = File.ReadAllBytes(path);
            PrivateFile.Write(path, File.ReadAllBytes(Path.Combine(other.Path, Path.GetFileName(path))));
            Assert.StartsWith(path, Assert.Throws<CommandException>(() => Open(state, out _)).Message);
            PrivateFile.Write(path, own);
        }
    }

    [Fact]
    public void A_first_start_that_was_cut_short_begins_again()
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        Open(state, out _).Dispose();
        File.Delete(state.IdentityPath);
        using var keys = Open(state, out var created);
        Assert.True(created);
        using var root = RootKeyFile.Parse(File.ReadAllText(state.RootKeyPath), null, "root.key");
        Assert.Equal(keys.RootKey, Protocol.Crypto.Ed25519.ComputePublicKey(root));
    }

    [Fact]
    public void A_second_controller_on_the_same_directory_is_refused()
    {
        var path = _directory.File("state");
        using (StateDirectory.Open(path))
        {
            var refusal = Assert.Throws<CommandException>(() => StateDirectory.Open(path));
            Assert.Equal(ExitCode.BadConfiguration, refusal.ExitCode);
            Assert.Contains("another mesh-controller runs on", refusal.Message);
        }
        StateDirectory.Open(path).Dispose();
    }

    [Fact]
    public void The_delegation_is_renewed_while_the_root_is_at_hand_and_asked_for_when_it_is_not()
    {
        using var state = StateDirectory.Open(_directory.File("state"));
        using var keys = Open(state, out _);
        Assert.False(keys.IsRenewalDue(Now + TimeSpan.FromDays(100)));
        var later = Now + TimeSpan.FromDays(130);
        Assert.True(keys.IsRenewalDue(later));
        var before = keys.Delegation;
        Assert.True(keys.TryRenew(state, null, later));
        Assert.NotEqual(before, keys.Delegation);
        Assert.Equal(later + ControllerKeys.DelegationLifetime, keys.DelegationStatement.NotAfter);
        Assert.False(keys.IsRenewalDue(later));
        using (var found = Open(state, out _))
            Assert.Equal(later + ControllerKeys.DelegationLifetime, found.DelegationStatement.NotAfter);

        File.Delete(state.RootKeyPath);
        Assert.False(keys.TryRenew(state, null, later));
        Open(state, out _).Dispose();
    }

    [Fact]
    public void A_passphrase_encrypts_the_root_and_only_it_opens_it()
    {
        var passphrase = "correct horse"u8.ToArray();
        using var root = new SigningPrivateKey(SystemEntropy.Instance);
        var network = TypedId.Create<NetworkId>(SystemEntropy.Instance);
        var text = RootKeyFile.Print(root, network, passphrase, SystemEntropy.Instance, iterations: 100_000);
        Assert.DoesNotContain(root.ExportBase64(), text);
        using var opened = RootKeyFile.Parse(text, passphrase, "root.key");
        Assert.True(root.SecretEquals(opened));
        Assert.Contains("--root-passphrase-file", Assert.Throws<CommandException>(() => RootKeyFile.Parse(text, null, "root.key")).Message);
        Assert.Contains("does not open",
            Assert.Throws<CommandException>(() => RootKeyFile.Parse(text, "wrong"u8.ToArray(), "root.key")).Message);
        // The work factor is authenticated: lowering it does not open the file.
        var lowered = text.Replace(" 100000 ", " 100001 ", StringComparison.Ordinal);
        Assert.Throws<CommandException>(() => RootKeyFile.Parse(lowered, passphrase, "root.key"));
    }

    [Fact]
    public void The_root_key_files_of_this_version_stay_readable()
    {
        var seed = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
        using var expected = new SigningPrivateKey(seed);
        const string plain = "# any comment\nmesh-root-key-v1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
        using var read = RootKeyFile.Parse(plain, null, "root.key");
        Assert.True(expected.SecretEquals(read));

        var fixedBytes = new CountingEntropy();
        var text = RootKeyFile.Print(expected, default, "passphrase"u8.ToArray(), fixedBytes, iterations: 100_000);
        Assert.Equal(Golden, string.Join('\n', text.Split('\n').Where(line => !line.StartsWith('#'))));
    }

    [Fact]
    public void The_identity_file_of_this_version_stays_readable()
    {
        const string text = """
            {
              "network": "aaaaaaaaaaaaaaab",
              "controller": "aaaaaaaaaaaaaaac",
              "epoch": 1,
              "root_key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
              "authority": "AQI=",
              "delegation": {
                "payloadType": "t",
                "payload": "Aw==",
                "signatures": [
                  {
                    "keyid": "root",
                    "sig": "BA=="
                  }
                ]
              }
            }
            """;
        var identity = JsonSerializer.Deserialize(text, IdentityJson.Default.ControllerIdentity)!;
        Assert.Equal(text, Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(identity, IdentityJson.Default.ControllerIdentity)));
    }

    // Computed with another implementation of PBKDF2 and AES-GCM.
    const string Golden = """
        mesh-root-key-encrypted-v1
        pbkdf2-sha512 100000 AAECAwQFBgcICQoLDA0ODw==
        EBESExQVFhcYGRobon68dzJCx1yELb1BuQGHQQB9bQ5EEHhzK5NsC8U30BUlP8r5kXHm9CpOuClD3WPK

        """;

    static ControllerKeys Open(StateDirectory state, out bool created) =>
        ControllerKeys.OpenOrCreate(state, null, Now, SystemEntropy.Instance, out created);

    static string Mode(string path) => Convert.ToString((int)File.GetUnixFileMode(path), 8).PadLeft(4, '0');

    sealed class CountingEntropy : IEntropy
    {
        byte _next;

        public void Fill(Span<byte> destination)
        {
            foreach (ref var b in destination)
                b = _next++;
        }
    }
}

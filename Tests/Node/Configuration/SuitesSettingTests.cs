using Mesh.Node;
using Mesh.Node.Configuration;
using Mesh.Protocol.Crypto;

namespace Mesh.Tests.Node.Configuration;

public sealed class SuitesSettingTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"mesh-suites-{Guid.NewGuid():N}.hocon");

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("mesh.suites = []", new CipherSuite[0])]
    [InlineData("mesh.suites = none", new CipherSuite[0])]
    [InlineData("mesh.suites = [\"aes-256-gcm\"]", new[] { CipherSuite.Aes256Gcm })]
    [InlineData("mesh.suites = aes-256-gcm", new[] { CipherSuite.Aes256Gcm })]
    public void A_file_says_it_as_a_list_or_a_word(string text, CipherSuite[] expected) => Assert.Equal(expected, Read(text).Suites.ToArray());

    [Theory]
    [InlineData("mesh.mtu = 1400")]
    [InlineData("mesh.suites = auto")]
    public void By_itself_the_processor_decides(string text) => Assert.Equal(CipherHardware.Suites.ToArray(), Read(text).Suites.ToArray());

    [Theory]
    [InlineData("mesh.suites = [rot13]")]
    [InlineData("mesh.suites = [\"aes-256-gcm\", \"chacha20-poly1305\"]")]
    [InlineData("mesh.suites { a = b }")]
    public void What_is_no_suite_is_refused(string text) =>
        Assert.Equal(ExitCodes.BadConfiguration, Assert.Throws<MeshFailureException>(() => Read(text)).ExitCode);

    [Fact]
    public void A_flag_beats_the_file() =>
        Assert.Empty(Read("mesh.suites = [\"aes-256-gcm\"]", new() { ["suites"] = "none" }).Suites.ToArray());

    DaemonSettings Read(string text, Dictionary<string, string>? flags = null)
    {
        File.WriteAllText(_path, text);
        return SettingsReader.Read(flags ?? [], _path, _ => null);
    }
}

using System.Text.Json;
using Mesh.Node.Cli;
using Mesh.Node.Local;
using Mesh.Protocol.Crypto;

namespace Mesh.Tests.Node.Cli;

public sealed class BenchCryptoTests
{
    [Fact]
    public async Task Measures_every_suite_on_this_machine()
    {
        var output = new StringWriter();
        var console = new CliConsole(output, TextWriter.Null, TextReader.Null, _ => null);
        Assert.Equal(0, await MeshCli.RunAsync(["bench-crypto", "--json", "--seconds", "0.02"], console));
        var document = JsonSerializer.Deserialize(output.ToString(), LocalJson.Default.CryptoBenchDocument)!;
        Assert.Equal(["chacha20-poly1305", "aes-256-gcm"], document.Ciphers.Select(cipher => cipher.Suite));
        foreach (var cipher in document.Ciphers)
        {
            // Wide bounds: a figure outside of them would not be a measurement of 1420 bytes on any machine.
            Assert.InRange(cipher.SealNanoseconds, 20, 1_000_000);
            Assert.InRange(cipher.OpenNanoseconds, 20, 1_000_000);
            Assert.InRange(cipher.SealGigabytes, 0.001, 71);
            Assert.InRange(cipher.HandshakesPerSecond, 1, 1_000_000);
        }
        Assert.Equal(CipherHardware.HasAes, document.AesHardware);
        Assert.Equal(CipherHardware.AesLibrary, document.AesLibrary);
        Assert.Equal(CipherHardware.HasAes ? "aes-256-gcm" : "chacha20-poly1305", document.Chosen);
    }

    [Fact]
    public void Prints_a_table_whose_columns_line_up()
    {
        var lines = BenchCryptoVerb.Print(new CryptoBenchDocument("1", 1420, 1, ["aes", "avx2"], true, "libcrypto",
        [
            new("chacha20-poly1305", 492, 2.89, 1501.4, 0.95, 9000), new("aes-256-gcm", 99.5, 14.27, 411, 3.46, 12345),
        ], 35600, ["aes-256-gcm"], "aes-256-gcm")).Split('\n');
        Assert.Equal("suite              seal ns  seal GB/s  open ns  open GB/s  handshakes/s", lines[0]);
        Assert.Equal("chacha20-poly1305      492       2.89     1501       0.95          9000", lines[1]);
        Assert.Equal("aes-256-gcm          99.50      14.27      411       3.46         12345", lines[2]);
        Assert.Equal("Processor: aes avx2 (AES in hardware); aes-256-gcm by libcrypto", lines[^2]);
        Assert.Equal("With a peer that announces the same: aes-256-gcm", lines[^1]);
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mesh.Node.Bench;
using Mesh.Node.Local;
using Mesh.Protocol.Crypto;

namespace Mesh.Node.Cli;

/// <summary><c>mesh bench-crypto</c>: says what this machine does with each cipher suite, and which it would choose.</summary>
static class BenchCryptoVerb
{
    public static Command Create(CliConsole console)
    {
        var json = CommonOptions.Json();
        var seconds = CommonOptions.Duration("--seconds", "How long each of the figures is measured", TimeSpan.FromSeconds(1));
        var verb = new Verb("bench-crypto", "Measure the cipher suites on this machine.", "mesh bench-crypto --seconds 0.5") { json, seconds };
        verb.SetAction((parsed, cancel) =>
        {
            var document = CryptoBench.Run(CipherHardware.Suites, parsed.GetDuration(seconds), cancel);
            console.Out.WriteLine(parsed.GetValue(json)
                ? JsonSerializer.Serialize(document, LocalJson.Default.CryptoBenchDocument)
                : Print(document));
            return Task.FromResult(ExitCodes.Done);
        });
        return verb;
    }

    /// <summary>Prints a measurement for people. Pure.</summary>
    public static string Print(CryptoBenchDocument document)
    {
        string[][] rows =
        [
            ["suite", "seal ns", "seal GB/s", "open ns", "open GB/s", "handshakes/s"],
            .. document.Ciphers.Select(cipher => (string[])
            [
                cipher.Suite, Number(cipher.SealNanoseconds), Number(cipher.SealGigabytes), Number(cipher.OpenNanoseconds),
                Number(cipher.OpenGigabytes), Number(cipher.HandshakesPerSecond),
            ]),
        ];
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(row[0].PadRight(widths[0]));
            for (var column = 1; column < row.Length; column++)
                text.Append("  ").Append(row[column].PadLeft(widths[column]));
            text.Append('\n');
        }
        var instructions = document.Features.Count == 0 ? "none" : string.Join(' ', document.Features);
        return text
            .Append(CultureInfo.InvariantCulture, $"Packets of {document.PacketSize} bytes, one thread, the best of many slices; a handshake is both of its ends.\n")
            .Append(CultureInfo.InvariantCulture, $"X25519: {Number(document.X25519PerSecond)} agreements/s\n")
            .Append(CultureInfo.InvariantCulture, $"Processor: {instructions} ({(document.AesHardware ? "AES in hardware" : "no AES in hardware")}); aes-256-gcm by {document.AesLibrary}\n")
            .Append(CultureInfo.InvariantCulture, $"With a peer that announces the same: {document.Chosen}")
            .ToString();
    }

    static string Number(double value) => value.ToString(value < 100 ? "0.00" : "0", CultureInfo.InvariantCulture);
}

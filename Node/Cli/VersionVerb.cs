using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh version</c>: prints what this program is.</summary>
static class VersionVerb
{
    public static Command Create(CliConsole console)
    {
        var json = CommonOptions.Json();
        var verb = new Verb("version", "Print the version of this program.", "mesh version --json") { json };
        verb.SetAction(parsed =>
        {
            var document = new VersionDocument(
                ProgramVersion.Text, RuntimeInformation.FrameworkDescription, RuntimeInformation.RuntimeIdentifier);
            console.Out.WriteLine(parsed.GetValue(json)
                ? JsonSerializer.Serialize(document, LocalJson.Default.VersionDocument)
                : $"mesh {document.Version} ({document.Runtime}, {document.Platform})");
            return ExitCodes.Done;
        });
        return verb;
    }
}

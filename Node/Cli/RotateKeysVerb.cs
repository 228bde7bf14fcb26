using System.CommandLine;
using System.Text.Json;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh rotate-keys</c>: gives this machine another WireGuard key without losing a packet.</summary>
static class RotateKeysVerb
{
    public static Command Create(CliConsole console)
    {
        var json = CommonOptions.Json();
        var socket = CommonOptions.Socket();
        var verb = new Verb(
            "rotate-keys", "Give this machine another WireGuard key; peers are told and sessions go on.", "mesh rotate-keys") { json, socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            var reply = await client.PostAsync("/v1/rotate-keys", LocalJson.Default.RotationReply, cancel);
            console.Out.WriteLine(parsed.GetValue(json)
                ? JsonSerializer.Serialize(reply, LocalJson.Default.RotationReply)
                : $"rotated {reply.FormerKey} to {reply.PublicKey}: {(reply.SessionsGoOn ? "sessions go on" : "this backend agrees sessions anew")}");
            return ExitCodes.Done;
        });
        return verb;
    }
}

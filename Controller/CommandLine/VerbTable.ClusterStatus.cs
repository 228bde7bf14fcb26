using System.CommandLine;
using System.Globalization;
using Mesh.Actors.Cluster;
using Mesh.Controller.Admin;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command ClusterStatus(Terminal terminal, CommonFlags common)
    {
        var verb = Verb("status", "Shows the controllers of the network, how they are doing, and who does which job.", "mesh-controller cluster status");
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(await client.GetAsync("/v1/cluster", AdminJson.Default.ClusterReport, cancellationToken), AdminJson.Default.ClusterReport,
                WriteCluster)));
        return verb;
    }

    static void WriteCluster(ClusterReport answer, Terminal to)
    {
        var table = new TextTable("CONTROLLER", "STATE", "ADDRESSES", "VERSION", "UP SINCE", "REVISION", "LAG", "NODES", "CLOCK", "JOBS");
        foreach (var member in answer.Members)
        {
            var style = member.State switch { "alive" => CellStyle.Good, "late" or "gone" => CellStyle.Bad, _ => CellStyle.Faint };
            var isOff = member.ClockOffsetSeconds is { } offset && Math.Abs(offset) > new ClusterTimes().SkewTold.TotalSeconds;
            var isUp = member.Attached is not null;
            table.Add(
                ((member.IsThis ? "*" : "") + member.Id, CellStyle.Plain), (member.State, style), (string.Join(", ", member.Addresses), CellStyle.Plain),
                (member.Version, CellStyle.Plain), (isUp ? Show(member.StartedAt) : null, CellStyle.Plain), (Number(member.Revision), CellStyle.Plain),
                (Number(member.Lag), CellStyle.Plain), (Number(member.Attached), CellStyle.Plain),
                (isUp ? member.ClockOffsetSeconds?.ToString("+0.0 s;-0.0 s;0.0 s", CultureInfo.InvariantCulture) : null, isOff ? CellStyle.Bad : CellStyle.Plain),
                (string.Join(", ", answer.Jobs.Where(job => job.Holder == member.Id).Select(job => job.Name)), CellStyle.Plain));
        }
        table.WriteTo(to);
        foreach (var member in answer.Members.Where(member => member.Attached is not null && Math.Abs(member.ClockOffsetSeconds ?? 0) > new ClusterTimes().SkewTold.TotalSeconds))
            to.Out.WriteLine(TextTable.Paint(
                string.Create(CultureInfo.InvariantCulture, $"warning: the clock of {member.Id}'s machine is {Math.Abs(member.ClockOffsetSeconds!.Value):0} s off the database's"),
                CellStyle.Bad, to.Colours));

        static string? Number(long? value) => value?.ToString(CultureInfo.InvariantCulture);
    }
}

using System.CommandLine;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command Cluster(Terminal terminal, CommonFlags common) =>
        Group("cluster", "Shows the controllers of the network.", "mesh-controller cluster status", ClusterStatus(terminal, common));
}

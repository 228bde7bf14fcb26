using Mesh.Node;
using Mesh.Node.Cli;

return await MeshCli.RunAsync(OwnProgram.Arguments(args, OwnProgram.CalledAs), CliConsole.Process);

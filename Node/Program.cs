return await Mesh.Node.Cli.MeshCli.RunAsync(args, Mesh.Node.Cli.CliConsole.Process);

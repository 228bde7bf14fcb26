return await Mesh.Bench.Cli.BenchCli.RunAsync(args);

using Mesh.Controller.CommandLine;

return await ControllerProgram.RunAsync(args, Terminal.Process);

Console.Error.WriteLine("mesh-controller: not built yet");
return 1;

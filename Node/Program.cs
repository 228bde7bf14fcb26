Console.Error.WriteLine("mesh: not built yet");
return 1;

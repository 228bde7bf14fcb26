using System.Reflection;

namespace Mesh.Actors.Configuration;

/// <summary>Is <c>akka.hocon</c>, the default configuration of both programs, as it was built in.</summary>
public static class DefaultConfiguration
{
    /// <summary>Gets the whole file.</summary>
    public static Config All { get; } = Read();

    /// <summary>Gives what an actor system is started with: what is said, and the defaults below it.</summary>
    public static Config ForActors(Config said) => said.WithFallback(All);

    static Config Read()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("akka.hocon")!;
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString(reader.ReadToEnd());
    }
}

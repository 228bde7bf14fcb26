namespace Mesh.Tests.Kit.Persistence;

/// <summary>An event of the plugin tests: any serializer of a journal under test must know it.</summary>
public sealed record TckEvent(string Text);

/// <summary>An event that no serializer knows.</summary>
public sealed class UnknownTckEvent;
